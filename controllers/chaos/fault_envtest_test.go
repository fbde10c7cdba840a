//go:build envtest

package chaos_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/chaos/fault"
)

// newOutage is of the EventFlow as it is read now.
func (s *stage) newOutage(t *testing.T, holder string) fault.Outage {
	t.Helper()
	return fault.Outage{
		EventFlow: s.eventFlow(t),
		Lease:     v1alpha1.OutageLease{Component: v1alpha1.StorePostgres, Holder: holder, Until: s.now.Add(time.Minute)},
	}
}

func TestScaleToZeroIsIdempotent(t *testing.T) {
	t.Parallel()
	s, f := newStage(t), fault.ScaleToZero{Client: direct}
	if err := f.Recover(t.Context(), s.newOutage(t, "own")); err != nil {
		t.Errorf("recover what was never injected: %v", err)
	}
	for range 2 {
		outage := s.newOutage(t, "own")
		if err := f.Inject(t.Context(), outage); err != nil {
			t.Fatalf("inject: %v", err)
		}
		if diff := cmp.Diff(&outage.Lease, s.lease(t)); diff != "" {
			t.Errorf("lease (-want +got):\n%s", diff)
		}
	}
	outage := s.newOutage(t, "own")
	for range 2 {
		if err := f.Recover(t.Context(), outage); err != nil {
			t.Errorf("recover: %v", err)
		}
	}
	if lease := s.lease(t); lease != nil {
		t.Errorf("lease %+v is left", lease)
	}
	s.delete(t, outage.EventFlow)
	if err := f.Recover(t.Context(), outage); err != nil {
		t.Errorf("recover where the EventFlow is gone: %v", err)
	}
}

func TestScaleToZeroKeepsTheLeaseOfAnother(t *testing.T) {
	t.Parallel()
	s, f := newStage(t), fault.ScaleToZero{Client: direct}
	beforeOther := s.newOutage(t, "own")
	if err := f.Inject(t.Context(), s.newOutage(t, "other")); err != nil {
		t.Fatal(err)
	}
	if err := f.Inject(t.Context(), beforeOther); !apierrors.IsConflict(err) {
		t.Errorf("inject over an unseen lease: got %v, want a conflict", err)
	}
	if err := f.Recover(t.Context(), s.newOutage(t, "own")); err != nil {
		t.Errorf("recover: %v", err)
	}
	if lease := s.lease(t); lease == nil || lease.Holder != "other" {
		t.Errorf("lease is %+v, want that of the other", lease)
	}
}

func TestScaleToZeroTakesBackAnEarlierLease(t *testing.T) {
	t.Parallel()
	s, f := newStage(t), fault.ScaleToZero{Client: direct}
	if err := f.Inject(t.Context(), s.newOutage(t, "own")); err != nil {
		t.Fatal(err)
	}
	later := s.newOutage(t, "own")
	later.Lease.Until = later.Lease.Until.Add(time.Hour)
	if err := f.Recover(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if lease := s.lease(t); lease != nil {
		t.Errorf("lease %+v is left", lease)
	}
}
