package chaos

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// finish writes the status, where it changed, and says what changed in events. It is
// the only writer of the status.
func (r *Reconciler) finish(ctx context.Context, s *scope, failure error) error {
	if failure == nil {
		summarize(s)
	} else {
		setFailure(s, failure)
	}
	if equality.Semantic.DeepEqual(s.before, s.chaos.Status) {
		return nil
	}
	from := s.chaos.DeepCopy()
	from.Status = s.before
	after := s.chaos.DeepCopy()
	// The lock keeps a record that this view has not seen from being overwritten.
	patch := client.MergeFromWithOptions(from, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, after, patch); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil // the finalizer was the last thing that kept it
		}
		return fmt.Errorf("patch status of Chaos %s: %w", client.ObjectKeyFromObject(s.chaos), err)
	}
	r.announce(s)
	return nil
}

// setFailure says that a step failed, and nothing else: what a step that failed
// meant to record has not happened.
func setFailure(s *scope, failure error) {
	s.chaos.Status = *s.before.DeepCopy()
	if apierrors.IsConflict(failure) {
		return
	}
	setCondition(s, metav1.Condition{
		Type:    v1alpha1.ConditionReconciling,
		Status:  metav1.ConditionTrue,
		Reason:  v1alpha1.ReasonRetrying,
		Message: fmt.Sprintf("A step failed and is tried again: %v", failure),
	})
}

// summarize derives conditions and phase from what is recorded and what was decided.
func summarize(s *scope) {
	status := &s.chaos.Status
	status.ObservedGeneration = s.chaos.Generation
	setCondition(s, injectedCondition(s))
	setCondition(s, recoveredCondition(s))
	setProgress(s)
	status.Phase = phaseOf(s)
}

// setProgress sets Stalled or Reconciling, each of which is present only while true.
func setProgress(s *scope) {
	present := v1alpha1.ConditionReconciling
	switch {
	case s.action.isStalled:
		present = v1alpha1.ConditionStalled
	case isSettled(s):
		present = ""
	}
	for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if kind != present {
			meta.RemoveStatusCondition(&s.chaos.Status.Conditions, kind)
			continue
		}
		setCondition(s, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: s.action.reason, Message: s.action.message})
	}
}

// isSettled reports whether nothing more is going to happen by itself.
func isSettled(s *scope) bool {
	return s.chaos.Status.RecoveredAt != nil || s.action.reason == v1alpha1.ReasonDryRun
}

func injectedCondition(s *scope) metav1.Condition {
	c := s.chaos
	condition := metav1.Condition{Type: v1alpha1.ConditionInjected, Status: metav1.ConditionFalse}
	switch {
	case c.Status.InjectedAt != nil:
		condition.Status = metav1.ConditionTrue
		condition.Reason = v1alpha1.ReasonScaledToZero
		condition.Message = fmt.Sprintf("%s was scaled from %d to 0", c.Spec.Fault.Component, c.Status.Original.Replicas)
	case c.Status.RecoveringAt != nil:
		condition.Reason = endReason(c, c.Status.RecoveringAt.Time)
		condition.Message = fmt.Sprintf("The outage was over before %s was away", c.Spec.Fault.Component)
	default:
		condition.Reason, condition.Message = s.action.reason, s.action.message
	}
	return condition
}

func recoveredCondition(s *scope) metav1.Condition {
	c := s.chaos
	condition := metav1.Condition{Type: v1alpha1.ConditionRecovered, Status: metav1.ConditionFalse, Reason: s.action.reason, Message: s.action.message}
	if c.Status.RecoveredAt != nil {
		condition.Status = metav1.ConditionTrue
		condition.Reason = v1alpha1.ReasonReturned
		condition.Message = fmt.Sprintf("%s is back on the volume that it had, pods: %d", c.Spec.Fault.Component, c.Status.Original.Replicas)
	}
	return condition
}

// phaseOf sums the status up in one word.
func phaseOf(s *scope) v1alpha1.ChaosPhase {
	status := s.chaos.Status
	switch {
	case s.action.isStalled:
		return v1alpha1.ChaosStalled
	case status.RecoveredAt != nil && status.InjectedAt == nil:
		return v1alpha1.ChaosNotInjected
	case status.RecoveredAt != nil:
		return v1alpha1.ChaosRecovered
	case status.RecoveringAt != nil:
		return v1alpha1.ChaosRecovering
	case status.InjectedAt != nil:
		return v1alpha1.ChaosInjected
	case status.StartedAt != nil:
		return v1alpha1.ChaosInjecting
	case s.action.reason == v1alpha1.ReasonDryRun:
		return v1alpha1.ChaosDryRun
	default:
		return v1alpha1.ChaosPending
	}
}

func setCondition(s *scope, condition metav1.Condition) {
	condition.ObservedGeneration = s.chaos.Generation
	condition.LastTransitionTime = metav1.NewTime(s.now)
	meta.SetStatusCondition(&s.chaos.Status.Conditions, condition)
}

// announce emits an event for each milestone that changed.
func (r *Reconciler) announce(s *scope) {
	kind := corev1.EventTypeNormal
	if s.action.isStalled {
		kind = corev1.EventTypeWarning
	}
	milestones := map[string]string{v1alpha1.ConditionInjected: "Inject"}
	if s.chaos.Status.RecoveringAt != nil {
		milestones[v1alpha1.ConditionRecovered] = "Recover"
	}
	for _, condition := range s.chaos.Status.Conditions {
		verb, isMilestone := milestones[condition.Type]
		before := meta.FindStatusCondition(s.before.Conditions, condition.Type)
		if !isMilestone || (before != nil && before.Status == condition.Status && before.Reason == condition.Reason) {
			continue
		}
		r.Recorder.Eventf(s.chaos, nil, kind, condition.Reason, verb, "%s", condition.Message)
	}
}
