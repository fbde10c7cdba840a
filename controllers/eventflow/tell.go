package eventflow

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/apply"
)

// namedChanges is how many changes an event names one by one.
const namedChanges = 3

// The actions that events name.
const (
	actionApply   = "Apply"
	actionObserve = "Observe"
)

// tellChanges logs and emits an event for what this run has written.
func (r *Reconciler) tellChanges(ctx context.Context, s *scope) {
	for _, group := range []struct {
		reason string
		verbs  []apply.Verb
	}{
		{v1alpha1.ReasonApplied, []apply.Verb{apply.Created, apply.Changed}},
		{v1alpha1.ReasonPruned, []apply.Verb{apply.Deleted}},
	} {
		if note := describe(s.changes, group.verbs); note != "" {
			log.FromContext(ctx).Info("Wrote children", "changes", note)
			r.Recorder.Eventf(s.eventFlow, nil, corev1.EventTypeNormal, group.reason, actionApply, "%s", note)
		}
	}
}

// tellConditions emits an event for each condition that has changed.
func (r *Reconciler) tellConditions(ef *v1alpha1.EventFlow, before []metav1.Condition) {
	for _, is := range ef.Status.Conditions {
		if isNews(meta.FindStatusCondition(before, is.Type), is) {
			r.Recorder.Eventf(ef, nil, eventType(is), is.Reason, actionObserve, "%s: %s", is.Type, is.Message)
		}
	}
}

// isNews leaves out what every EventFlow goes through when it is new: nothing is ready
// yet, and everything is in progress.
func isNews(was *metav1.Condition, is metav1.Condition) bool {
	if is.Type == v1alpha1.ConditionReconciling && is.Reason == v1alpha1.ReasonProgressing {
		return false
	}
	if was == nil {
		return is.Status == metav1.ConditionTrue
	}
	// Why a sale that has not begun has not begun changes often, and is of no interest.
	return was.Status != is.Status || (was.Reason != is.Reason && is.Type != v1alpha1.ConditionReady)
}

func eventType(is metav1.Condition) string {
	switch {
	case is.Type == v1alpha1.ConditionStalled, is.Reason == v1alpha1.ReasonRetrying:
		return corev1.EventTypeWarning
	case is.Status == metav1.ConditionTrue,
		is.Reason == v1alpha1.ReasonOutage,
		is.Reason == v1alpha1.ReasonProgressing,
		is.Type == v1alpha1.ConditionAcceptingAsync:
		return corev1.EventTypeNormal
	default:
		return corev1.EventTypeWarning
	}
}

// describe renders the changes of the verbs, as in "Created Deployment a, Service b
// and 12 more".
func describe(changes []apply.Change, verbs []apply.Verb) string {
	var parts []string
	for _, verb := range verbs {
		var names []string
		for _, change := range changes {
			if change.Verb == verb {
				names = append(names, change.Kind+" "+change.Name)
			}
		}
		if len(names) == 0 {
			continue
		}
		more := ""
		if len(names) > namedChanges {
			more = fmt.Sprintf(" and %d more", len(names)-namedChanges)
			names = slices.Clone(names[:namedChanges])
		}
		parts = append(parts, string(verb)+" "+strings.Join(names, ", ")+more)
	}
	return strings.Join(parts, "; ")
}
