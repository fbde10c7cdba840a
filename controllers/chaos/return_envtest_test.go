//go:build envtest

package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// errKilled stands for the end of the process.
var errKilled = errors.New("killed")

// mortal is a client whose process is killed at its n-th write, just before or just
// after the write takes effect.
type mortal struct {
	client.Client
	left     int
	isBefore bool
}

func newMortal(t *testing.T, left int, isBefore bool) (client.Client, *mortal) {
	t.Helper()
	m := &mortal{left: left, isBefore: isBefore}
	withWatch, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return interceptor.NewClient(withWatch, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, options ...client.PatchOption) error {
			return m.write(func() error { return c.Patch(ctx, o, p, options...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, options ...client.SubResourcePatchOption) error {
			return m.write(func() error { return c.SubResource(sub).Patch(ctx, o, p, options...) })
		},
	}), m
}

func (m *mortal) write(do func() error) error {
	m.left--
	if m.left < 0 || (m.left == 0 && m.isBefore) {
		return errKilled
	}
	err := do()
	if m.left == 0 {
		return errKilled
	}
	return err
}

// TestKilledAtEachWrite kills the controller at every write of an experiment, before
// and after it takes effect, leaves it dead for a moment or past the deadline, and
// starts it again. The component always comes back, with its volume, and the
// experiment ends.
func TestKilledAtEachWrite(t *testing.T) {
	t.Parallel()
	for _, dead := range []time.Duration{time.Second, 10 * time.Minute} {
		for _, isBefore := range []bool{true, false} {
			for write := 1; write <= 9; write++ {
				t.Run(fmt.Sprintf("dead %s from write %d, before %t", dead, write, isBefore), func(t *testing.T) {
					t.Parallel()
					testKilledAt(t, write, isBefore, dead)
				})
			}
		}
	}
}

func testKilledAt(t *testing.T, write int, isBefore bool, dead time.Duration) {
	t.Helper()
	s := newStage(t)
	s.createChaos(t, "outage")
	c, m := newMortal(t, write, isBefore)
	for range 30 {
		result, err := s.reconcileWith(t, c, "outage")
		s.play(t)
		if m.left <= 0 {
			break
		}
		if err != nil {
			t.Fatalf("reconcile: %v", err)
		}
		s.now = s.now.Add(result.RequeueAfter)
	}
	atDeath := s.chaos(t, "outage").Status
	if atDeath.Original == nil && s.lease(t) != nil {
		t.Fatal("the lease was written before the original")
	}
	s.now = s.now.Add(dead)
	s.play(t)
	if dead > 2*time.Minute && *s.statefulSet(t).Spec.Replicas != 1 {
		t.Fatal("the component is not back by the deadline")
	}
	s.run(t, "outage")
	checkReturned(t, s)
	got := s.chaos(t, "outage").Status
	if got.Phase != v1alpha1.ChaosRecovered && got.Phase != v1alpha1.ChaosNotInjected {
		t.Errorf("ended %s", got.Phase)
	}
	if isUnseen := atDeath.StartedAt != nil && atDeath.RecoveringAt == nil; isUnseen && dead > 2*time.Minute && got.Measured != nil {
		t.Error("measured a recovery that nobody saw")
	}
}

// checkReturned checks that nothing is left of an outage.
func checkReturned(t *testing.T, s *stage) {
	t.Helper()
	if lease := s.lease(t); lease != nil {
		t.Errorf("lease %+v is left", lease)
	}
	if got := *s.statefulSet(t).Spec.Replicas; got != 1 {
		t.Errorf("component has %d replicas, want 1", got)
	}
}

// TestDeletedAtEachStep deletes the Chaos after each of its steps: the outage ends, and
// the object goes once the component is back.
func TestDeletedAtEachStep(t *testing.T) {
	t.Parallel()
	for steps := range 12 {
		t.Run(fmt.Sprintf("after %d", steps), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.createChaos(t, "outage")
			for range steps {
				result := s.reconcile(t, "outage")
				s.play(t)
				s.now = s.now.Add(result.RequeueAfter)
			}
			s.delete(t, s.chaos(t, "outage"))
			deletedAt := s.now
			s.run(t, "outage")
			if c := s.chaos(t, "outage"); c != nil {
				t.Fatalf("is left: %+v", c.Status)
			}
			checkReturned(t, s)
			if took := s.now.Sub(deletedAt); took > 0 {
				t.Errorf("took %s, though the component was back at once", took)
			}
		})
	}
}

// TestDeletedWaitsForTheReturn keeps a deleted Chaos until the component is back, but
// not past its deadline.
func TestDeletedWaitsForTheReturn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "outage")
	for range 4 {
		s.reconcile(t, "outage")
		s.play(t)
	}
	s.delete(t, s.chaos(t, "outage"))
	s.reconcile(t, "outage")
	if s.lease(t) != nil {
		t.Fatal("lease was not taken back")
	}
	s.play(t)
	s.setPods(t, 1, 0)
	result := s.reconcile(t, "outage")
	c := s.chaos(t, "outage")
	if c == nil {
		t.Fatal("is gone before the component is back")
	}
	want := state{v1alpha1.ChaosRecovering, "True ScaledToZero", "False Deleted", "Reconciling"}
	if diff := cmp.Diff(want, stateOf(c)); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if result.RequeueAfter != 2*time.Minute {
		t.Errorf("looks again after %s, want the deadline", result.RequeueAfter)
	}
	s.now = s.now.Add(result.RequeueAfter)
	s.reconcile(t, "outage")
	if s.chaos(t, "outage") != nil {
		t.Error("is held past its deadline")
	}
}

// TestDeletedBeforeItReadItsLease deletes a Chaos whose controller does not see yet the
// lease that it wrote. The lease is taken back all the same.
func TestDeletedBeforeItReadItsLease(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "outage")
	s.reconcile(t, "outage")
	stale := s.eventFlow(t)
	s.reconcile(t, "outage")
	if s.lease(t) == nil {
		t.Fatal("there is no lease")
	}
	s.delete(t, s.chaos(t, "outage"))
	withWatch, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	old := interceptor.NewClient(withWatch, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if ef, isEventFlow := o.(*v1alpha1.EventFlow); isEventFlow {
				stale.DeepCopyInto(ef)
				return nil
			}
			return c.Get(ctx, key, o, options...)
		},
	})
	for range 2 {
		if _, err := s.reconcileWith(t, old, "outage"); err != nil {
			t.Fatal(err)
		}
	}
	checkReturned(t, s)
	if s.chaos(t, "outage") != nil {
		t.Error("is left")
	}
}

// TestEventFlowDeletedAtEachStep deletes the EventFlow after each step: the Chaos says
// so, and can be deleted at once.
func TestEventFlowDeletedAtEachStep(t *testing.T) {
	t.Parallel()
	for steps := range 8 {
		t.Run(fmt.Sprintf("after %d", steps), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.createChaos(t, "outage")
			for range steps {
				result := s.reconcile(t, "outage")
				s.play(t)
				s.now = s.now.Add(result.RequeueAfter)
			}
			s.delete(t, s.eventFlow(t))
			s.reconcile(t, "outage")
			c := s.chaos(t, "outage")
			if c.Status.RecoveredAt == nil && stateOf(c).Progress != v1alpha1.ConditionStalled {
				t.Errorf("does not say that its EventFlow is gone: %+v", stateOf(c))
			}
			s.delete(t, c)
			s.reconcile(t, "outage")
			if s.chaos(t, "outage") != nil {
				t.Error("is stuck")
			}
		})
	}
}

// TestLeaseTakenAwayEndsTheOutage removes the lease by hand in the middle: the outage is
// not asked for again.
func TestLeaseTakenAwayEndsTheOutage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "outage")
	for range 4 {
		s.reconcile(t, "outage")
		s.play(t)
	}
	s.annotate(t, "")
	s.reconcile(t, "outage")
	want := state{v1alpha1.ChaosRecovering, "True ScaledToZero", "False LeaseTakenAway", "Reconciling"}
	if diff := cmp.Diff(want, stateOf(s.chaos(t, "outage"))); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	s.run(t, "outage")
	checkReturned(t, s)
}

// TestReplacedVolumeIsNoRecovery brings the component back on another volume.
func TestReplacedVolumeIsNoRecovery(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "outage", func(spec *v1alpha1.ChaosSpec) { spec.Fault.Component = v1alpha1.StorePostgres })
	for range 4 {
		s.reconcile(t, "outage")
		s.play(t)
	}
	claim := &corev1.PersistentVolumeClaim{}
	if err := direct.Get(t.Context(), s.key("data-boxoffice-postgres-0"), claim); err != nil {
		t.Fatal(err)
	}
	s.delete(t, claim)
	claim.Finalizers, claim.ResourceVersion, claim.UID = nil, "", ""
	if err := direct.Patch(t.Context(), claim.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
		t.Fatal(err)
	}
	if err := direct.Create(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Minute)
	for range 4 {
		s.reconcile(t, "outage")
		s.play(t)
	}
	want := state{v1alpha1.ChaosStalled, "True ScaledToZero", "False VolumeReplaced", "Stalled"}
	if diff := cmp.Diff(want, stateOf(s.chaos(t, "outage"))); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	checkReturned(t, s)
}

// TestNeverAway lets the EventFlow controller be dead until after the deadline.
func TestNeverAway(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "outage", func(spec *v1alpha1.ChaosSpec) {
		spec.Deadline = new(spec.Duration)
		spec.Deadline.Duration += 10 * time.Second
	})
	s.reconcile(t, "outage")
	s.reconcile(t, "outage")
	result := s.reconcile(t, "outage")
	if result.RequeueAfter != 70*time.Second {
		t.Errorf("looks again after %s, want the deadline", result.RequeueAfter)
	}
	s.now = s.now.Add(result.RequeueAfter)
	s.run(t, "outage")
	c := s.chaos(t, "outage")
	want := state{v1alpha1.ChaosNotInjected, "False DeadlinePassed", "True Returned", ""}
	if diff := cmp.Diff(want, stateOf(c)); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if c.Status.Measured != nil {
		t.Errorf("measured %+v of an outage that was not", c.Status.Measured)
	}
	checkReturned(t, s)
}
