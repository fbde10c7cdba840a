package chaos

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// world is what there is around a Chaos, as it was read.
type world struct {
	// eventFlow is nil where there is none.
	eventFlow *v1alpha1.EventFlow
	// lease on the EventFlow, nil where there is none.
	lease *v1alpha1.OutageLease
	// leaseErr says why the lease cannot be read.
	leaseErr error
	// component under test.
	component component
	// rival is the name of another experiment on the EventFlow that has begun and not
	// ended, empty where there is none.
	rival string
}

// component is the StatefulSet of the component under test, with its volume.
type component struct {
	// uid is empty where there is no StatefulSet.
	uid types.UID
	// isSettled is whether the figures below are about the present spec.
	isSettled bool
	// wanted, pods and ready are how many pods there should be, are, and serve.
	wanted, pods, ready int32
	// claimUID identifies the volume of the first pod. Empty where it has none, or the
	// component is not up.
	claimUID types.UID
}

// isUp reports whether every wanted pod serves.
func (c component) isUp() bool {
	return c.uid != "" && c.isSettled && c.wanted > 0 && c.ready >= c.wanted
}

// isAway reports whether no pod is left, not even one that is stopping.
func (c component) isAway() bool {
	return c.uid != "" && c.isSettled && c.wanted == 0 && c.pods == 0
}

// isBack reports whether the component has its original size again.
func (c component) isBack(original *v1alpha1.OriginalComponent) bool {
	return c.isUp() && (original == nil || c.ready >= original.Replicas)
}

// isOwn reports whether the lease on the EventFlow is that of the holder, in force or
// not.
func (w world) isOwn(holder string) bool {
	return w.lease != nil && w.lease.Holder == holder
}

// isTaken reports whether somebody else holds a lease in force.
func (w world) isTaken(holder string, now time.Time) bool {
	return w.lease != nil && w.lease.Holder != holder && now.Before(w.lease.Until)
}
