package eventflow

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

var (
	storeComponents = []v1alpha1.StoreComponent{v1alpha1.StorePostgres, v1alpha1.StoreRedis, v1alpha1.StoreRabbitMQ}
	goComponents    = []string{manifests.ComponentPurchase, manifests.ComponentConsumer, manifests.ComponentAnalytics}
)

// observe reads the lease, the workloads and the purchase API. Afterwards the scope
// knows the world, and the run comes back when the lease ends.
func (r *Reconciler) observe(ctx context.Context, s *scope) (phase.Result, error) {
	s.images = r.Images
	result := r.observeLease(s)
	for _, store := range storeComponents {
		set := &appsv1.StatefulSet{}
		found, err := r.read(ctx, s, string(store), set)
		if err != nil {
			return phase.Result{}, err
		}
		if found {
			s.stores[store] = set
		}
	}
	if s.eventFlow.Spec.Suspend && s.lease != nil {
		s.keepLeaseInForce()
	}
	for _, component := range goComponents {
		deployment := &appsv1.Deployment{}
		found, err := r.read(ctx, s, component, deployment)
		if err != nil {
			return phase.Result{}, err
		}
		if found {
			s.deployments[component] = deployment
		}
	}
	if api := s.deployments[manifests.ComponentPurchase]; api != nil && api.Status.ReadyReplicas > 0 {
		s.health, s.healthErr = r.Prober.Probe(ctx, manifests.PurchaseURL(s.eventFlow))
		if s.healthErr != nil {
			log.FromContext(ctx).V(1).Info("Purchase API did not answer", "error", s.healthErr.Error())
		}
	}
	return result, nil
}

// observeLease keeps a lease only while it is in force.
func (r *Reconciler) observeLease(s *scope) phase.Result {
	lease, err := s.eventFlow.Outage()
	if err == nil && lease != nil && !slices.Contains(storeComponents, lease.Component) {
		err = fmt.Errorf("annotation %s: no component %q", v1alpha1.OutageAnnotation, lease.Component)
	}
	if err != nil {
		s.leaseErr = err
		return phase.Result{}
	}
	if lease == nil || !lease.ActiveFor(lease.Component, s.now) {
		return phase.Result{}
	}
	s.lease = lease
	return phase.Result{RequeueAfter: lease.Until.Sub(s.now)}
}

// read gets a child workload from the cache and says whether it exists.
func (r *Reconciler) read(ctx context.Context, s *scope, component string, into client.Object) (bool, error) {
	name := manifests.ChildName(s.eventFlow, component)
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.eventFlow.Namespace, Name: name}, into)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read workload %s: %w", name, err)
	}
	return true, nil
}
