package eventflow

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/apply"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// scope is what one run has read, and what it has done.
type scope struct {
	eventFlow *v1alpha1.EventFlow
	now       time.Time

	// lease is the outage lease in force, nil where there is none; leaseErr says why
	// the annotation cannot be read.
	lease    *v1alpha1.OutageLease
	leaseErr error
	// stores and deployments are the workloads as they are, by component. What does
	// not exist is absent.
	stores      map[v1alpha1.StoreComponent]*appsv1.StatefulSet
	deployments map[string]*appsv1.Deployment
	// health is what the purchase API says of itself; healthErr, why it says nothing.
	health    Health
	healthErr error

	credentials manifests.Credentials
	images      manifests.Images
	// desired collects what the phases have asked for, changes what they have written.
	desired []apply.Identified
	changes []apply.Change
}

func newScope(ef *v1alpha1.EventFlow, now time.Time) *scope {
	return &scope{
		eventFlow:   ef,
		now:         now,
		stores:      map[v1alpha1.StoreComponent]*appsv1.StatefulSet{},
		deployments: map[string]*appsv1.Deployment{},
	}
}

// input is what the children are built from.
func (s *scope) input() manifests.Input {
	return manifests.Input{
		EventFlow:   s.eventFlow,
		Images:      s.images,
		Credentials: s.credentials,
		Outage:      s.lease,
	}
}

// isAway reports whether the lease takes the store away.
func (s *scope) isAway(store v1alpha1.StoreComponent) bool {
	return s.lease.ActiveFor(store, s.now)
}

// keepLeaseInForce drops a lease that nobody carries out: no outage begins while the
// EventFlow is suspended.
func (s *scope) keepLeaseInForce() {
	set := s.stores[s.lease.Component]
	if set == nil || set.Annotations[manifests.AnnotationOutage] == "" {
		s.lease = nil
	}
}

// hasChanged reports whether this run has written the child.
func (s *scope) hasChanged(kind, name string) bool {
	for _, change := range s.changes {
		if change.Kind == kind && change.Name == name {
			return true
		}
	}
	return false
}
