//go:build envtest

package eventflow_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.create(func(ef *v1alpha1.EventFlow) { ef.Spec.Suspend = true })
	want := v1alpha1.EventFlowSpec{
		Suspend:   true,
		Purchase:  v1alpha1.PurchaseSpec{Replicas: 3},
		Consumer:  v1alpha1.ConsumerSpec{Replicas: 1},
		Analytics: v1alpha1.AnalyticsSpec{Replicas: 1},
		Postgres:  v1alpha1.StoreSpec{Storage: resource.MustParse("1Gi")},
		Redis:     v1alpha1.StoreSpec{Storage: resource.MustParse("1Gi")},
		RabbitMQ:  v1alpha1.StoreSpec{Storage: resource.MustParse("1Gi")},
		Ingress:   v1alpha1.IngressSpec{ClassName: "nginx"},
	}
	if diff := cmp.Diff(want, ef.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

func makeEvent() v1alpha1.CatalogEvent {
	return v1alpha1.CatalogEvent{
		ID: "aurora", Name: "Aurora", StartsAt: metav1.NewTime(time.Unix(1_800_000_000, 0)),
		Tiers: []v1alpha1.CatalogTier{{
			ID: "general", Name: "General", Price: v1alpha1.CatalogPrice{Amount: 4500, Currency: "EUR"}, Capacity: 10,
		}},
	}
}

func TestSchemaSaysWhatToDo(t *testing.T) {
	t.Parallel()
	event := func(change func(*v1alpha1.CatalogEvent)) func(*v1alpha1.EventFlow) {
		return func(ef *v1alpha1.EventFlow) {
			e := makeEvent()
			change(&e)
			ef.Spec.Catalog.Events = []v1alpha1.CatalogEvent{e}
		}
	}
	promo := func(codes ...v1alpha1.CatalogPromoCode) func(*v1alpha1.EventFlow) {
		return event(func(e *v1alpha1.CatalogEvent) { e.PromoCodes = codes })
	}
	rate := func(limit v1alpha1.RateLimitSpec) func(*v1alpha1.EventFlow) {
		return func(ef *v1alpha1.EventFlow) { ef.Spec.Purchase.RateLimit = &limit }
	}
	cases := map[string]struct {
		change func(*v1alpha1.EventFlow)
		want   string
	}{
		"a long name":                     {func(ef *v1alpha1.EventFlow) { ef.Name = strings.Repeat("a", 41) }, "use at most 40 lower-case letters"},
		"a name that begins with a digit": {func(ef *v1alpha1.EventFlow) { ef.Name = "1a" }, "beginning with a letter"},
		"a dotted name":                   {func(ef *v1alpha1.EventFlow) { ef.Name = "a.b" }, "Services are named after it"},
		"too many pods":                   {func(ef *v1alpha1.EventFlow) { ef.Spec.Purchase.Replicas = 101 }, "less than or equal to 100"},
		"a rate below zero":               {rate(v1alpha1.RateLimitSpec{RequestsPerSecond: -1}), "greater than or equal to 0"},
		"a burst below the rate":          {rate(v1alpha1.RateLimitSpec{RequestsPerSecond: 10, Burst: 9}), "must be at least requestsPerSecond"},
		"a URL as host":                   {func(ef *v1alpha1.EventFlow) { ef.Spec.Ingress.Host = "http://example.com/" }, "use a plain DNS name"},
		"an event's id":                   {event(func(e *v1alpha1.CatalogEvent) { e.ID = "Aurora 2027" }), "use 1 to 63 lower-case letters"},
		"a tier's id":                     {event(func(e *v1alpha1.CatalogEvent) { e.Tiers[0].ID = "-" }), "such as general"},
		"no tier":                         {event(func(e *v1alpha1.CatalogEvent) { e.Tiers = []v1alpha1.CatalogTier{} }), "at least 1 items"},
		"a tier twice":                    {event(func(e *v1alpha1.CatalogEvent) { e.Tiers = append(e.Tiers, e.Tiers[0]) }), "Duplicate value"},
		"a currency":                      {event(func(e *v1alpha1.CatalogEvent) { e.Tiers[0].Price.Currency = "eur" }), "three capital letters of ISO 4217"},
		"a price below zero":              {event(func(e *v1alpha1.CatalogEvent) { e.Tiers[0].Price.Amount = -1 }), "greater than or equal to 0"},
		"a sale that ends before it begins": {event(func(e *v1alpha1.CatalogEvent) {
			e.SalesOpen, e.SalesClose = new(metav1.Unix(1_800_000_000, 0)), new(metav1.Unix(1_700_000_000, 0))
		}), "must be after salesOpen"},
		"a negative fee":           {event(func(e *v1alpha1.CatalogEvent) { e.Tiers[0].Fee = -1 }), "greater than or equal to 0"},
		"a tax over 100 %":         {event(func(e *v1alpha1.CatalogEvent) { e.Tiers[0].TaxBasisPoints = 10_001 }), "less than or equal to 10000"},
		"a buyer's negative limit": {event(func(e *v1alpha1.CatalogEvent) { e.Tiers[0].MaxPerBuyer = -1 }), "greater than or equal to 1"},
		"a promo code's letters":   {promo(v1alpha1.CatalogPromoCode{Code: "early bird", PercentOff: 10}), "use 1 to 32 capital letters"},
		"nothing off":              {promo(v1alpha1.CatalogPromoCode{Code: "EARLY"}), "set either percentOff or amountOff"},
		"two kinds off":            {promo(v1alpha1.CatalogPromoCode{Code: "EARLY", PercentOff: 10, AmountOff: 1}), "set either percentOff or amountOff"},
		"more than all off":        {promo(v1alpha1.CatalogPromoCode{Code: "EARLY", PercentOff: 101}), "less than or equal to 100"},
		"a promo code twice": {promo(
			v1alpha1.CatalogPromoCode{Code: "EARLY", PercentOff: 10}, v1alpha1.CatalogPromoCode{Code: "EARLY", AmountOff: 1},
		), "Duplicate value"},
		"a promo code that ends before it begins": {promo(v1alpha1.CatalogPromoCode{
			Code: "EARLY", PercentOff: 10, ValidFrom: new(metav1.Unix(1_800_000_000, 0)), ValidUntil: new(metav1.Unix(1_700_000_000, 0)),
		}), "must be after validFrom"},
	}
	w := setup(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ef := &v1alpha1.EventFlow{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "boxoffice"}}
			tc.change(ef)
			err := api.Create(t.Context(), ef, client.DryRunAll)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// TestNoRateLimit: a limit of zero is a value, and not one that was left out.
func TestNoRateLimit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.create(func(ef *v1alpha1.EventFlow) {
		ef.Spec.Suspend, ef.Spec.Purchase.RateLimit = true, &v1alpha1.RateLimitSpec{}
	})
	if diff := cmp.Diff(&v1alpha1.RateLimitSpec{}, ef.Spec.Purchase.RateLimit); diff != "" {
		t.Errorf("rate limit (-want +got):\n%s", diff)
	}
}

func TestStorageCannotBeChanged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.create(func(ef *v1alpha1.EventFlow) { ef.Spec.Suspend = true })
	before := ef.DeepCopy()
	ef.Spec.Postgres.Storage = resource.MustParse("2Gi")
	if err := api.Patch(t.Context(), ef, client.MergeFrom(before)); err == nil || !strings.Contains(err.Error(), "enlarge the PersistentVolumeClaim") {
		t.Errorf("error %v, want one that says what to do", err)
	}
}

// TestSample applies the sample as a user would, with no field that is not known.
func TestSample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../config/samples/eventflow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documents := strings.Split(string(text), "\n---\n")
	if len(documents) != 2 {
		t.Fatalf("%d documents, want 2", len(documents))
	}
	namespace, ef := &corev1.Namespace{}, &v1alpha1.EventFlow{}
	for i, object := range []client.Object{namespace, ef} {
		if err := yaml.UnmarshalStrict([]byte(documents[i]), object); err != nil {
			t.Fatal(err)
		}
	}
	if got := namespace.Labels["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("the namespace enforces %q", got)
	}
	w := setup(t)
	ef.Namespace = w.namespace
	if err := api.Create(t.Context(), ef); err != nil {
		t.Fatal(err)
	}
	w.untilSettled()
}
