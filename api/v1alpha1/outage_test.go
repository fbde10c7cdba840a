package v1alpha1

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOutageIsWhatWasEncoded(t *testing.T) {
	t.Parallel()
	want := &OutageLease{Component: StoreRedis, Holder: "shop/outage/uid", Until: time.Date(2027, 1, 1, 12, 0, 0, 123456000, time.UTC)}
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	ef := &EventFlow{}
	ef.Annotations = map[string]string{OutageAnnotation: text}
	got, err := ef.Outage()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lease (-want +got):\n%s", diff)
	}
}

func TestOutageThatCannotBeReadIsNone(t *testing.T) {
	t.Parallel()
	ef := &EventFlow{}
	if lease, err := ef.Outage(); lease != nil || err != nil {
		t.Errorf("without an annotation: %v, %v", lease, err)
	}
	for _, text := range []string{"", "until tomorrow", `{"until":"tomorrow"}`} {
		ef.Annotations = map[string]string{OutageAnnotation: text}
		if lease, err := ef.Outage(); lease != nil || err == nil {
			t.Errorf("%q: got %v, %v, want an error and no lease", text, lease, err)
		}
	}
}

func TestActiveFor(t *testing.T) {
	t.Parallel()
	until := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	lease := &OutageLease{Component: StorePostgres, Until: until}
	cases := map[string]struct {
		lease     *OutageLease
		component StoreComponent
		now       time.Time
		want      bool
	}{
		"in force":          {lease, StorePostgres, until.Add(-time.Nanosecond), true},
		"over":              {lease, StorePostgres, until, false},
		"another component": {lease, StoreRedis, until.Add(-time.Hour), false},
		"no lease":          {nil, StorePostgres, until, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.lease.ActiveFor(tc.component, tc.now); got != tc.want {
				t.Errorf("active is %t, want %t", got, tc.want)
			}
		})
	}
}
