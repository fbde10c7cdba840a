package chaos

import (
	"fmt"
	"time"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// decide says what comes next, from what the Chaos recorded about its past and what
// the world looks like. It has no memory and no effect: after a crash at any point, the
// same question gets an answer that goes on from there.
func decide(now time.Time, c *v1alpha1.Chaos, w world) action {
	switch {
	case !c.DeletionTimestamp.IsZero():
		return decideDeleted(now, c, w)
	case c.Status.RecoveredAt != nil:
		return decideOver(c)
	case c.Spec.DryRun, !hasStarted(c):
		return decideStart(now, c, w)
	case w.eventFlow == nil:
		return stall(v1alpha1.ReasonEventFlowNotFound, eventFlowName(c)+" is gone, and with it what would be given back: delete this Chaos")
	case c.Status.RecoveringAt != nil:
		return decideReturn(now, c, w)
	case isOver(now, c, w):
		return decideEnd(now, c, w)
	case c.Status.InjectedAt != nil:
		return wait(v1alpha1.ReasonScaledToZero, awayMessage(c)).until(endsAt(c), now)
	default:
		return decideInject(now, c, w)
	}
}

// decideStart decides while nothing is recorded, and for ever in a dry run.
func decideStart(now time.Time, c *v1alpha1.Chaos, w world) action {
	if obstacle, found := findObstacle(now, c, w); found {
		return obstacle
	}
	if w.rival != "" {
		return wait(v1alpha1.ReasonOutageTaken, fmt.Sprintf("Chaos %s has begun and not ended on %s: this one starts after it", w.rival, eventFlowName(c)))
	}
	if c.Spec.DryRun {
		return wait(v1alpha1.ReasonDryRun, fmt.Sprintf("Would scale %s of %s from %d to 0 for %s, and give it back %s after the start at the latest",
			c.Spec.Fault.Component, eventFlowName(c), w.component.wanted, c.Spec.Duration.Duration, deadlineAfter(c.Spec)))
	}
	return do(stepRecord, v1alpha1.ReasonStarting, startingMessage(c))
}

// findObstacle returns why no outage can be asked for now, if it cannot.
func findObstacle(now time.Time, c *v1alpha1.Chaos, w world) (action, bool) {
	switch {
	case w.eventFlow == nil:
		return stall(v1alpha1.ReasonEventFlowNotFound, eventFlowName(c)+" does not exist in this namespace: create it, or delete this Chaos"), true
	case !w.eventFlow.DeletionTimestamp.IsZero():
		return stall(v1alpha1.ReasonEventFlowNotFound, eventFlowName(c)+" is being deleted"), true
	case w.eventFlow.Spec.Suspend:
		return stall(v1alpha1.ReasonEventFlowSuspended, eventFlowName(c)+" is suspended, so nobody would carry the outage out: set its spec.suspend to false"), true
	case w.leaseErr != nil:
		return stall(v1alpha1.ReasonInvalidLease, fmt.Sprintf("%s has an outage lease that cannot be read: remove its annotation %s", eventFlowName(c), v1alpha1.OutageAnnotation)), true
	case w.isTaken(holder(c), now):
		return wait(v1alpha1.ReasonOutageTaken, fmt.Sprintf("An outage of %s is held by %s: this one starts after it", w.lease.Component, w.lease.Holder)).until(w.lease.Until, now), true
	case !w.component.isUp():
		return wait(v1alpha1.ReasonComponentNotReady, fmt.Sprintf("%s has %d of %d pods ready: the experiment starts when all are", c.Spec.Fault.Component, w.component.ready, w.component.wanted)), true
	default:
		return action{}, false
	}
}

// decideInject decides between the record of the original and the component's last pod.
func decideInject(now time.Time, c *v1alpha1.Chaos, w world) action {
	own := lease(c)
	if w.isOwn(own.Holder) && w.lease.Until.Equal(own.Until) {
		if w.component.isAway() {
			return do(stepConfirm, v1alpha1.ReasonScaledToZero, awayMessage(c))
		}
		return wait(v1alpha1.ReasonStopping, fmt.Sprintf("%s has been asked to stop, pods left: %d", c.Spec.Fault.Component, w.component.pods)).until(endsAt(c), now)
	}
	if obstacle, found := findObstacle(now, c, w); found {
		obstacle.step = stepForget
		return obstacle
	}
	if w.component.uid != c.Status.Original.StatefulSetUID {
		return do(stepForget, v1alpha1.ReasonStarting, startingMessage(c))
	}
	return do(stepInject, v1alpha1.ReasonStarting, startingMessage(c))
}

// isOver reports whether the outage is, or has to be.
func isOver(now time.Time, c *v1alpha1.Chaos, w world) bool {
	isLost := c.Status.InjectedAt != nil && !w.isOwn(holder(c))
	return isLost || !now.Before(endsAt(c)) || !w.eventFlow.DeletionTimestamp.IsZero()
}

// decideEnd decides when the outage is over and no end is recorded.
func decideEnd(now time.Time, c *v1alpha1.Chaos, w world) action {
	reason := endReason(c, now)
	if w.component.isBack(c.Status.Original) && w.component.claimUID == c.Status.Original.PVCUID {
		// It returned unseen. Without an End there is no measurement: a true one
		// cannot be had.
		return do(stepFinish, reason, "")
	}
	return do(stepEnd, reason, endMessage(c, reason))
}

// decideReturn decides from the end of the outage until the component is back.
func decideReturn(now time.Time, c *v1alpha1.Chaos, w world) action {
	reason := v1alpha1.ReasonReturning
	returning := fmt.Sprintf("%s has %d of %d pods ready", c.Spec.Fault.Component, w.component.ready, c.Status.Original.Replicas)
	switch {
	case w.isOwn(holder(c)):
		return do(stepGiveBack, reason, returning)
	case w.isTaken(holder(c), now) && w.lease.Component == c.Spec.Fault.Component:
		return wait(v1alpha1.ReasonOutageTaken, fmt.Sprintf("An outage of %s is held by %s: it returns after that", w.lease.Component, w.lease.Holder)).until(w.lease.Until, now)
	case !w.component.isBack(c.Status.Original):
		return wait(reason, returning)
	case w.component.claimUID != c.Status.Original.PVCUID:
		return stall(v1alpha1.ReasonVolumeReplaced, fmt.Sprintf("%s is back on another volume than before, so its data are other data: its PersistentVolumeClaim was %q and is %q",
			c.Spec.Fault.Component, c.Status.Original.PVCUID, w.component.claimUID))
	default:
		return do(stepFinish, v1alpha1.ReasonReturned, "")
	}
}

// decideOver decides once the component is back. Nothing is left to give back then, so
// nothing has to keep the Chaos from going.
func decideOver(c *v1alpha1.Chaos) action {
	if hasFinalizer(c) {
		return do(stepRelease, v1alpha1.ReasonReturned, "")
	}
	return action{step: stepWait}
}

// decideDeleted decides for a Chaos that somebody deleted. Whatever it took is given
// back, and it goes when that has returned, or the deadline has passed.
func decideDeleted(now time.Time, c *v1alpha1.Chaos, w world) action {
	const reason = v1alpha1.ReasonDeleted
	message := fmt.Sprintf("This Chaos was deleted and goes when %s is back", c.Spec.Fault.Component)
	switch {
	case !hasFinalizer(c):
		return wait(reason, "This Chaos was deleted and holds nothing")
	case !hasStarted(c), c.Status.RecoveredAt != nil, w.eventFlow == nil, !now.Before(c.Status.Deadline.Time):
		return do(stepRelease, reason, message)
	case c.Status.RecoveringAt == nil, w.isOwn(holder(c)):
		return do(stepGiveBack, reason, message)
	case w.component.isBack(c.Status.Original):
		return do(stepRelease, reason, message)
	default:
		return wait(reason, message).until(c.Status.Deadline.Time, now)
	}
}

func eventFlowName(c *v1alpha1.Chaos) string { return "EventFlow " + c.Spec.EventFlowRef.Name }

func startingMessage(c *v1alpha1.Chaos) string {
	return fmt.Sprintf("The original of %s is recorded before it is taken away", c.Spec.Fault.Component)
}

func awayMessage(c *v1alpha1.Chaos) string {
	return fmt.Sprintf("%s has no pods", c.Spec.Fault.Component)
}

func endMessage(c *v1alpha1.Chaos, reason string) string {
	switch reason {
	case v1alpha1.ReasonDurationOver:
		return fmt.Sprintf("%s was away for its duration and is given back", c.Spec.Fault.Component)
	case v1alpha1.ReasonDeadlinePassed:
		return fmt.Sprintf("The deadline has passed and %s returns", c.Spec.Fault.Component)
	default:
		return fmt.Sprintf("The outage of %s was ended by somebody else", c.Spec.Fault.Component)
	}
}
