package eventflow

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

func TestObserveLease(t *testing.T) {
	t.Parallel()
	encode := func(component v1alpha1.StoreComponent, until time.Time) string {
		text, err := v1alpha1.OutageLease{Component: component, Holder: "a/b/c", Until: until}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	cases := map[string]struct {
		annotation *string
		wantLease  bool
		wantErr    string
		want       phase.Result
	}{
		"none":       {},
		"in force":   {annotation: new(encode("postgres", noon.Add(90*time.Second))), wantLease: true, want: phase.Result{RequeueAfter: 90 * time.Second}},
		"at its end": {annotation: new(encode("postgres", noon))},
		"expired":    {annotation: new(encode("postgres", noon.Add(-time.Hour)))},
		"empty":      {annotation: new(""), wantErr: "annotation eventflow.dev/outage"},
		"not JSON":   {annotation: new("tomorrow"), wantErr: "annotation eventflow.dev/outage"},
		"of nothing that exists": {
			annotation: new(encode("mysql", noon.Add(time.Hour))), wantErr: `no component "mysql"`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := makeScope()
			if tc.annotation != nil {
				s.eventFlow.Annotations = map[string]string{v1alpha1.OutageAnnotation: *tc.annotation}
			}
			got := (&Reconciler{}).observeLease(s)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if (s.lease != nil) != tc.wantLease {
				t.Errorf("lease %+v, want one: %t", s.lease, tc.wantLease)
			}
			if (s.leaseErr != nil) != (tc.wantErr != "") || (s.leaseErr != nil && !strings.Contains(s.leaseErr.Error(), tc.wantErr)) {
				t.Errorf("error %v, want %q", s.leaseErr, tc.wantErr)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	images := manifests.Images{Service: "eventflow", Postgres: "postgres", Redis: "redis", RabbitMQ: "rabbitmq"}
	cases := map[string]struct {
		images manifests.Images
		spec   v1alpha1.EventFlowSpec
		want   []string
	}{
		"fine":      {images: images},
		"no images": {want: []string{"spec.image", "spec.postgres.image", "spec.redis.image", "spec.rabbitmq.image"}},
		"an image of its own": {
			images: manifests.Images{Postgres: "postgres", Redis: "redis", RabbitMQ: "rabbitmq"},
			spec:   v1alpha1.EventFlowSpec{Image: "mine"},
		},
		"a bad catalog": {
			images: images,
			spec: v1alpha1.EventFlowSpec{Catalog: v1alpha1.CatalogSpec{Events: []v1alpha1.CatalogEvent{{
				ID: "Aurora", PromoCodes: []v1alpha1.CatalogPromoCode{{Code: "EARLY", PercentOff: 10, Tiers: []string{"box"}}},
			}}}},
			want: []string{"id must be", "name is empty", "has no tier", `promo code "EARLY": there is no tier "box"`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := makeScope()
			s.eventFlow.Spec, s.images = tc.spec, tc.images
			_, err := (&Reconciler{}).validate(t.Context(), s)
			stalled, isStalled := phase.AsStalled(err)
			if isStalled != (len(tc.want) > 0) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			for _, want := range tc.want {
				if !strings.Contains(stalled.Error(), want) {
					t.Errorf("error %q lacks %q", stalled, want)
				}
			}
		})
	}
}
