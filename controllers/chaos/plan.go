package chaos

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// stopAllowance is the time that a component has to stop before its duration begins,
// where the spec gives no deadline.
const stopAllowance = 60 * time.Second

// holder is the name under which a Chaos holds a lease.
func holder(c *v1alpha1.Chaos) string {
	return c.Namespace + "/" + c.Name + "/" + string(c.UID)
}

// hasStarted reports whether the original and the deadline are recorded, without which
// nothing is touched.
func hasStarted(c *v1alpha1.Chaos) bool {
	return c.Status.StartedAt != nil && c.Status.Deadline != nil && c.Status.Original != nil
}

// deadlineAfter is how long after its start the lease of a Chaos ends by itself.
func deadlineAfter(spec v1alpha1.ChaosSpec) time.Duration {
	if spec.Deadline != nil {
		return spec.Deadline.Duration
	}
	return spec.Duration.Duration + stopAllowance
}

// lease is what a Chaos that has started asks for. The same status gives the same
// bytes, whichever process renders it.
func lease(c *v1alpha1.Chaos) v1alpha1.OutageLease {
	return v1alpha1.OutageLease{
		Component: c.Spec.Fault.Component,
		Holder:    holder(c),
		Until:     c.Status.Deadline.UTC(),
	}
}

// endsAt is when the outage is over: at its deadline, or when it has lasted its
// duration, if that is sooner.
func endsAt(c *v1alpha1.Chaos) time.Time {
	deadline := c.Status.Deadline.Time
	if c.Status.InjectedAt == nil {
		return deadline
	}
	if over := c.Status.InjectedAt.Add(c.Spec.Duration.Duration); over.Before(deadline) {
		return over
	}
	return deadline
}

// endReason says why the outage was over at the given time.
func endReason(c *v1alpha1.Chaos, at time.Time) string {
	switch {
	case at.Before(endsAt(c)) && !c.DeletionTimestamp.IsZero():
		return v1alpha1.ReasonDeleted
	case at.Before(endsAt(c)):
		return v1alpha1.ReasonLeaseTakenAway
	case at.Before(c.Status.Deadline.Time):
		return v1alpha1.ReasonDurationOver
	default:
		return v1alpha1.ReasonDeadlinePassed
	}
}

// stamp is a time as a status can hold it, which is to the microsecond.
func stamp(at time.Time) *metav1.MicroTime {
	return &metav1.MicroTime{Time: at.Truncate(time.Microsecond)}
}

// earlier returns the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
