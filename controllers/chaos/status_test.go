package chaos

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

func TestSummarize(t *testing.T) {
	t.Parallel()
	type want struct {
		Phase               v1alpha1.ChaosPhase
		Injected, Recovered string
		Reconciling         bool
		Stalled             bool
	}
	cases := map[string]struct {
		chaos  []chaosOption
		action action
		want   want
	}{
		"waits":            {action: wait("Waits", "m"), want: want{v1alpha1.ChaosPending, "False Waits", "False Waits", true, false}},
		"stalled":          {action: stall("Stalls", "m"), want: want{v1alpha1.ChaosStalled, "False Stalls", "False Stalls", false, true}},
		"dry run":          {chaos: []chaosOption{dryRun}, action: wait(v1alpha1.ReasonDryRun, "m"), want: want{v1alpha1.ChaosDryRun, "False DryRun", "False DryRun", false, false}},
		"recorded":         {chaos: []chaosOption{started}, action: do(stepRecord, "Starts", "m"), want: want{v1alpha1.ChaosInjecting, "False Starts", "False Starts", true, false}},
		"away":             {chaos: []chaosOption{injectedAt(3)}, action: wait("Away", "m"), want: want{v1alpha1.ChaosInjected, "True ScaledToZero", "False Away", true, false}},
		"returns":          {chaos: []chaosOption{injectedAt(3), recoveringAt(63)}, action: wait("Returns", "m"), want: want{v1alpha1.ChaosRecovering, "True ScaledToZero", "False Returns", true, false}},
		"volume replaced":  {chaos: []chaosOption{injectedAt(3), recoveringAt(63)}, action: stall("Volume", "m"), want: want{v1alpha1.ChaosStalled, "True ScaledToZero", "False Volume", false, true}},
		"back":             {chaos: []chaosOption{injectedAt(3), recoveringAt(63), recoveredAt(70)}, action: action{step: stepWait}, want: want{v1alpha1.ChaosRecovered, "True ScaledToZero", "True Returned", false, false}},
		"was never away":   {chaos: []chaosOption{started, recoveringAt(120), recoveredAt(121)}, action: action{step: stepWait}, want: want{v1alpha1.ChaosNotInjected, "False DeadlinePassed", "True Returned", false, false}},
		"deleted, returns": {chaos: []chaosOption{injectedAt(3), recoveringAt(10), deleted}, action: wait(v1alpha1.ReasonDeleted, "m"), want: want{v1alpha1.ChaosRecovering, "True ScaledToZero", "False Deleted", true, false}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScope(newChaos(tc.chaos...), start)
			s.action = tc.action
			summarize(s)
			status := s.chaos.Status
			text := func(kind string) string {
				condition := meta.FindStatusCondition(status.Conditions, kind)
				if condition == nil || condition.Message == "" || condition.ObservedGeneration != 1 {
					t.Fatalf("condition %s is %+v", kind, condition)
				}
				return string(condition.Status) + " " + condition.Reason
			}
			got := want{
				status.Phase, text(v1alpha1.ConditionInjected), text(v1alpha1.ConditionRecovered),
				meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReconciling),
				meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled),
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFailureRecordsNothing checks that a status does not claim what a step that failed
// meant to do.
func TestFailureRecordsNothing(t *testing.T) {
	t.Parallel()
	s := newScope(newChaos(started), start)
	s.chaos.Status.InjectedAt = stamp(start)
	setFailure(s, errors.New("no such luck"))
	if s.chaos.Status.InjectedAt != nil {
		t.Error("a time was recorded")
	}
	condition := meta.FindStatusCondition(s.chaos.Status.Conditions, v1alpha1.ConditionReconciling)
	if condition == nil || condition.Reason != v1alpha1.ReasonRetrying {
		t.Errorf("condition is %+v, want Retrying", condition)
	}

	s = newScope(newChaos(started), start)
	setFailure(s, apierrors.NewConflict(schema.GroupResource{}, "x", errors.New("old view")))
	if diff := cmp.Diff(s.before, s.chaos.Status); diff != "" {
		t.Errorf("a conflict changed the status (-before +after):\n%s", diff)
	}
}

func TestMeasured(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		chaos []chaosOption
		now   int
		want  *v1alpha1.ChaosMeasurements
	}{
		"seen":             {chaos: []chaosOption{injectedAt(3), recoveringAt(63)}, now: 70, want: &v1alpha1.ChaosMeasurements{RecoverySeconds: 7}},
		"end not seen":     {chaos: []chaosOption{injectedAt(3)}, now: 700},
		"outage not seen":  {chaos: []chaosOption{started, recoveringAt(120)}, now: 130},
		"neither was seen": {chaos: []chaosOption{started}, now: 700},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScope(newChaos(tc.chaos...), at(tc.now))
			markBack(s)
			if diff := cmp.Diff(tc.want, s.chaos.Status.Measured); diff != "" {
				t.Errorf("measured (-want +got):\n%s", diff)
			}
			if end := s.chaos.Status.RecoveringAt.Time; end.After(at(120)) {
				t.Errorf("outage ended %s, after the deadline", end)
			}
		})
	}
}
