package chaos

import (
	"context"
	"fmt"
	"math"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/chaos/fault"
)

// act carries the action out: first on the world, then in the status that the end of
// the run writes. Every step may be repeated.
func (r *Reconciler) act(ctx context.Context, s *scope) error {
	if s.action.step != stepWait {
		log.FromContext(ctx).Info("Taking step", "step", s.action.step, "reason", s.action.reason)
	}
	status := &s.chaos.Status
	switch s.action.step {
	case stepRecord:
		record(s)
	case stepForget:
		status.Original, status.StartedAt, status.Deadline = nil, nil, nil
	case stepInject:
		return r.inject(ctx, s)
	case stepConfirm:
		status.InjectedAt = stamp(s.now)
	case stepEnd:
		markOver(s)
	case stepGiveBack:
		markOver(s)
		return r.giveBack(ctx, s)
	case stepFinish:
		if err := r.giveBackOwn(ctx, s); err != nil {
			return err
		}
		markBack(s)
	case stepRelease:
		if err := r.giveBackOwn(ctx, s); err != nil {
			return err
		}
		return r.removeFinalizer(ctx, s.chaos)
	case stepWait:
	}
	return nil
}

// record writes down what there is before anything is touched.
func record(s *scope) {
	status := &s.chaos.Status
	status.Original = &v1alpha1.OriginalComponent{
		Replicas:       s.world.component.wanted,
		StatefulSetUID: s.world.component.uid,
		PVCUID:         s.world.component.claimUID,
	}
	status.StartedAt = stamp(s.now)
	status.Deadline = stamp(status.StartedAt.Add(deadlineAfter(s.chaos.Spec)))
}

// markOver records the end of the outage, once. A lease ends at its deadline even
// while nobody looks, so the end is never later than that.
func markOver(s *scope) {
	status := &s.chaos.Status
	if status.RecoveringAt == nil {
		status.RecoveringAt = stamp(earlier(s.now, status.Deadline.Time))
	}
}

// markBack records that the component is back, and how long that took where both the
// outage and its end were seen.
func markBack(s *scope) {
	status := &s.chaos.Status
	isSeen := status.InjectedAt != nil && status.RecoveringAt != nil
	markOver(s)
	status.RecoveredAt = stamp(s.now)
	if isSeen {
		took := status.RecoveredAt.Sub(status.RecoveringAt.Time)
		status.Measured = &v1alpha1.ChaosMeasurements{RecoverySeconds: int64(math.Ceil(took.Seconds()))}
	}
}

func (r *Reconciler) inject(ctx context.Context, s *scope) error {
	f, outage, err := r.outage(s)
	if err != nil {
		return err
	}
	return f.Inject(ctx, outage)
}

func (r *Reconciler) giveBack(ctx context.Context, s *scope) error {
	f, outage, err := r.outage(s)
	if err != nil {
		return err
	}
	return f.Recover(ctx, outage)
}

// giveBackOwn gives back where something of ours is still seen.
func (r *Reconciler) giveBackOwn(ctx context.Context, s *scope) error {
	if s.world.eventFlow == nil || !hasStarted(s.chaos) || !s.world.isOwn(holder(s.chaos)) {
		return nil
	}
	return r.giveBack(ctx, s)
}

// outage returns what the Chaos asks for, and by which fault.
func (r *Reconciler) outage(s *scope) (fault.Fault, fault.Outage, error) {
	f, found := fault.All(r.Client)[s.chaos.Spec.Fault.Action]
	if !found {
		return nil, fault.Outage{}, fmt.Errorf("fault %q is unknown to this version", s.chaos.Spec.Fault.Action)
	}
	return f, fault.Outage{EventFlow: s.world.eventFlow, Lease: lease(s.chaos)}, nil
}

func hasFinalizer(c *v1alpha1.Chaos) bool {
	return controllerutil.ContainsFinalizer(c, v1alpha1.ChaosFinalizer)
}

// needsFinalizer reports whether the Chaos may come to hold something that has to be
// given back, and lacks the finalizer.
func needsFinalizer(c *v1alpha1.Chaos) bool {
	return c.DeletionTimestamp.IsZero() && !c.Spec.DryRun && c.Status.RecoveredAt == nil && !hasFinalizer(c)
}

func (r *Reconciler) addFinalizer(ctx context.Context, c *v1alpha1.Chaos) error {
	return r.patchFinalizers(ctx, c, func(changed *v1alpha1.Chaos) {
		controllerutil.AddFinalizer(changed, v1alpha1.ChaosFinalizer)
	})
}

func (r *Reconciler) removeFinalizer(ctx context.Context, c *v1alpha1.Chaos) error {
	return r.patchFinalizers(ctx, c, func(changed *v1alpha1.Chaos) {
		controllerutil.RemoveFinalizer(changed, v1alpha1.ChaosFinalizer)
	})
}

// patchFinalizers changes the finalizers of the Chaos as it was read: where its status
// has changed since, there may be something to give back that was not seen.
func (r *Reconciler) patchFinalizers(ctx context.Context, c *v1alpha1.Chaos, change func(*v1alpha1.Chaos)) error {
	changed := c.DeepCopy()
	change(changed)
	patch := client.MergeFromWithOptions(c, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, changed, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patch finalizers of Chaos %s: %w", client.ObjectKeyFromObject(c), err)
	}
	c.ObjectMeta = changed.ObjectMeta
	return nil
}
