package eventflow

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/apply"
	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// reconcileInfrastructure applies the stores. Afterwards they are as desired, and
// each has one replica, or none while an outage lease on it is in force.
func (r *Reconciler) reconcileInfrastructure(ctx context.Context, s *scope) (phase.Result, error) {
	return phase.Result{}, r.apply(ctx, s, manifests.Infrastructure(s.input()))
}

// reconcileWorkloads applies EventFlow's own services. They do not wait for the
// stores: each starts with every store down.
func (r *Reconciler) reconcileWorkloads(ctx context.Context, s *scope) (phase.Result, error) {
	objects, err := manifests.Workloads(s.input())
	if err != nil {
		return phase.Result{}, phase.Stall(v1alpha1.ReasonInvalidSpec, err)
	}
	return phase.Result{}, r.apply(ctx, s, objects)
}

// reconcileExposure applies the way in from outside.
func (r *Reconciler) reconcileExposure(ctx context.Context, s *scope) (phase.Result, error) {
	return phase.Result{}, r.apply(ctx, s, manifests.Exposure(s.input()))
}

// prune deletes children that no phase has asked for. It is the last phase, so a run
// that failed before has pruned nothing.
func (r *Reconciler) prune(ctx context.Context, s *scope) (phase.Result, error) {
	changes, err := r.applier(s).Prune(ctx, ownedLists(), s.desired)
	s.changes = append(s.changes, changes...)
	return phase.Result{}, err
}

// giveBack scales a store up again that an outage took away and that no lease holds
// any more. It is all that is done to a suspended EventFlow, because an outage must
// end by its deadline whatever else happens. What somebody else scaled to zero stays.
func (r *Reconciler) giveBack(ctx context.Context, s *scope) (phase.Result, error) {
	var errs []error
	for _, component := range storeComponents {
		set := s.stores[component]
		if set == nil || set.Annotations[manifests.AnnotationOutage] == "" || s.isAway(component) {
			continue
		}
		change, err := r.applier(s).Scale(ctx, set, 1, manifests.AnnotationOutage)
		if err == nil {
			s.changes = append(s.changes, change)
		}
		errs = append(errs, err)
	}
	return phase.Result{}, errors.Join(errs...)
}

// apply brings the objects to their desired state and notes them in the scope.
func (r *Reconciler) apply(ctx context.Context, s *scope, objects []manifests.Object) error {
	configurations := make([]runtime.ApplyConfiguration, 0, len(objects))
	for _, object := range objects {
		configurations = append(configurations, object)
		s.desired = append(s.desired, object)
	}
	changes, err := r.applier(s).Apply(ctx, configurations...)
	s.changes = append(s.changes, changes...)
	foreign := &apply.ForeignError{}
	if !errors.As(err, &foreign) {
		return err
	}
	if c := foreign.Controller; c != nil && c.Kind == "EventFlow" && c.Name == s.eventFlow.Name {
		return phase.Wait(v1alpha1.ReasonProgressing,
			"Waiting until the children of the EventFlow that had this name before are gone", pollUnsettled)
	}
	return phase.Stall(v1alpha1.ReasonNameTaken, foreign)
}
