package v1alpha1

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzOutage: an annotation is a lease that comes back the same, or an error and no
// lease. A lease never outlives its end.
func FuzzOutage(f *testing.F) {
	for _, seed := range []string{`{"component":"redis","holder":"a/b/c","until":"2027-01-01T12:00:00Z"}`, `null`, `{}`, `[]`, `{"until":1}`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ef := &EventFlow{}
		ef.Annotations = map[string]string{OutageAnnotation: text}
		lease, err := ef.Outage()
		if err != nil {
			if lease != nil {
				t.Fatalf("%q is refused, and a lease: %+v", text, lease)
			}
			return
		}
		if lease.ActiveFor(lease.Component, lease.Until) || lease.ActiveFor(lease.Component, lease.Until.Add(time.Hour)) {
			t.Errorf("%q outlives its end", text)
		}
		encoded, err := lease.Encode()
		if err != nil {
			t.Fatalf("encode what was read of %q: %v", text, err)
		}
		ef.Annotations[OutageAnnotation] = encoded
		again, err := ef.Outage()
		if diff := cmp.Diff(lease, again); err != nil || diff != "" {
			t.Errorf("%v, round trip (-want +got):\n%s", err, diff)
		}
	})
}
