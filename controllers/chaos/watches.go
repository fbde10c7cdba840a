package chaos

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// eventFlowField is the index of Chaos objects by the EventFlow that they are about.
// The CRD declares it as a selectable field, too.
const eventFlowField = "spec.eventFlowRef.name"

// SetupWithManager registers the controller. The Chaos itself is watched without a
// predicate: its own record in the status brings the next step, and with it a view
// that holds that record.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	if r.Live == nil {
		r.Live = mgr.GetAPIReader()
	}
	err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.Chaos{}, eventFlowField, func(o client.Object) []string {
		return []string{o.(*v1alpha1.Chaos).Spec.EventFlowRef.Name}
	})
	if err != nil {
		return fmt.Errorf("index Chaos by EventFlow: %w", err)
	}
	asked := predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		Named("chaos").
		For(&v1alpha1.Chaos{}).
		Watches(&v1alpha1.Chaos{}, handler.EnqueueRequestsFromMapFunc(r.forRivals)).
		Watches(&v1alpha1.EventFlow{}, handler.EnqueueRequestsFromMapFunc(r.forEventFlow), builder.WithPredicates(asked)).
		Watches(&appsv1.StatefulSet{}, handler.EnqueueRequestsFromMapFunc(r.forStatefulSet)).
		Complete(r)
}

// forRivals finds the experiments that may start now that another one has changed.
func (r *Reconciler) forRivals(ctx context.Context, o client.Object) []reconcile.Request {
	c := o.(*v1alpha1.Chaos)
	return r.requests(ctx, c.Namespace, c.Spec.EventFlowRef.Name, func(other *v1alpha1.Chaos) bool {
		return other.UID != c.UID && !hasStarted(other)
	})
}

// forEventFlow finds the experiments on an EventFlow that are not over.
func (r *Reconciler) forEventFlow(ctx context.Context, o client.Object) []reconcile.Request {
	return r.requests(ctx, o.GetNamespace(), o.GetName(), isUnfinished)
}

// forStatefulSet finds the experiments on the EventFlow that owns a StatefulSet.
func (r *Reconciler) forStatefulSet(ctx context.Context, o client.Object) []reconcile.Request {
	owner := metav1.GetControllerOf(o)
	if owner == nil || owner.Kind != "EventFlow" {
		return nil
	}
	return r.requests(ctx, o.GetNamespace(), owner.Name, isUnfinished)
}

func isUnfinished(c *v1alpha1.Chaos) bool { return c.Status.RecoveredAt == nil }

// requests are for the experiments on an EventFlow that are of interest.
func (r *Reconciler) requests(ctx context.Context, namespace, eventFlow string, isWanted func(*v1alpha1.Chaos) bool) []reconcile.Request {
	found, err := r.listFor(ctx, namespace, eventFlow)
	if err != nil {
		log.FromContext(ctx).Error(err, "Listing Chaos failed")
		return nil
	}
	var requests []reconcile.Request
	for i := range found {
		if isWanted(&found[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&found[i])})
		}
	}
	return requests
}
