package chaos

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// start is when the experiments of these tests begin. Their outage lasts one minute
// from when the component is away, and at most two from the start.
var start = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)

// at is a time counted from the start.
func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// own is the name under which the Chaos of these tests holds leases.
const own = "shop/outage/chaos-uid"

type chaosOption func(*v1alpha1.Chaos)

// newChaos returns a Chaos that has been accepted and not looked at.
func newChaos(options ...chaosOption) *v1alpha1.Chaos {
	c := &v1alpha1.Chaos{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "outage", UID: "chaos-uid", Generation: 1,
			Finalizers: []string{v1alpha1.ChaosFinalizer},
		},
		Spec: v1alpha1.ChaosSpec{
			EventFlowRef: v1alpha1.EventFlowReference{Name: "boxoffice"},
			Fault:        v1alpha1.FaultSpec{Component: v1alpha1.StorePostgres, Action: v1alpha1.FaultScaleToZero},
			Duration:     metav1.Duration{Duration: time.Minute},
		},
	}
	for _, option := range options {
		option(c)
	}
	return c
}

func started(c *v1alpha1.Chaos) {
	c.Status.Original = &v1alpha1.OriginalComponent{Replicas: 1, StatefulSetUID: "set", PVCUID: "claim"}
	c.Status.StartedAt = stamp(start)
	c.Status.Deadline = stamp(at(120))
}

func injectedAt(seconds int) chaosOption {
	return func(c *v1alpha1.Chaos) { started(c); c.Status.InjectedAt = stamp(at(seconds)) }
}

func recoveringAt(seconds int) chaosOption {
	return func(c *v1alpha1.Chaos) { c.Status.RecoveringAt = stamp(at(seconds)) }
}

func recoveredAt(seconds int) chaosOption {
	return func(c *v1alpha1.Chaos) { c.Status.RecoveredAt = stamp(at(seconds)) }
}

func deleted(c *v1alpha1.Chaos) { c.DeletionTimestamp = &metav1.Time{Time: start} }

func released(c *v1alpha1.Chaos) { c.Finalizers = nil }

func dryRun(c *v1alpha1.Chaos) { c.Spec.DryRun = true; c.Finalizers = nil }

type worldOption func(*world)

// newWorld returns a world in which all is well and nobody holds a lease.
func newWorld(options ...worldOption) world {
	w := world{
		eventFlow: &v1alpha1.EventFlow{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "boxoffice"}},
		component: component{uid: "set", isSettled: true, wanted: 1, pods: 1, ready: 1, claimUID: "claim"},
	}
	for _, option := range options {
		option(&w)
	}
	return w
}

func leased(holder string, untilSeconds int) worldOption {
	return func(w *world) {
		w.lease = &v1alpha1.OutageLease{Component: v1alpha1.StorePostgres, Holder: holder, Until: at(untilSeconds)}
	}
}

func pods(wanted, running, ready int32) worldOption {
	return func(w *world) { w.component.wanted, w.component.pods, w.component.ready = wanted, running, ready }
}

func noEventFlow(w *world)                       { *w = world{} }
func suspended(w *world)                         { w.eventFlow.Spec.Suspend = true }
func eventFlowDeleted(w *world)                  { w.eventFlow.DeletionTimestamp = &metav1.Time{Time: start} }
func leaseUnreadable(w *world)                   { w.leaseErr = errors.New("not JSON") }
func noStatefulSet(w *world)                     { w.component = component{} }
func unsettled(w *world)                         { w.component.isSettled = false }
func rival(w *world)                             { w.rival = "other" }
func otherVolume(w *world)                       { w.component.claimUID = "other-claim" }
func otherStatefulSet(w *world)                  { w.component.uid = "other-set" }
func otherComponent(w *world)                    { w.lease.Component = v1alpha1.StoreRedis }
func threeReplicas(w *world)                     { w.component.wanted, w.component.pods, w.component.ready = 3, 3, 3 }
func withOptions(o ...worldOption) []worldOption { return o }

func TestDecide(t *testing.T) {
	t.Parallel()
	type want struct {
		Step      step
		Reason    string
		IsStalled bool
		After     time.Duration
	}
	const other = "shop/other/other-uid"
	stalled := func(reason string) want { return want{stepWait, reason, true, 0} }
	takes := func(s step, reason string) want { return want{s, reason, false, 0} }
	waits := func(reason string, seconds int) want {
		return want{stepWait, reason, false, time.Duration(seconds) * time.Second}
	}
	cases := map[string]struct {
		now   int
		chaos []chaosOption
		world []worldOption
		want  want
	}{
		// Before anything is recorded.
		"begins":                          {want: takes(stepRecord, v1alpha1.ReasonStarting)},
		"no EventFlow":                    {world: withOptions(noEventFlow), want: stalled(v1alpha1.ReasonEventFlowNotFound)},
		"EventFlow is going":              {world: withOptions(eventFlowDeleted), want: stalled(v1alpha1.ReasonEventFlowNotFound)},
		"EventFlow is suspended":          {world: withOptions(suspended), want: stalled(v1alpha1.ReasonEventFlowSuspended)},
		"lease cannot be read":            {world: withOptions(leaseUnreadable), want: stalled(v1alpha1.ReasonInvalidLease)},
		"another holds the lease":         {world: withOptions(leased(other, 30)), want: waits(v1alpha1.ReasonOutageTaken, 30)},
		"another's lease is over":         {now: 30, world: withOptions(leased(other, 30)), want: takes(stepRecord, v1alpha1.ReasonStarting)},
		"another has not ended":           {world: withOptions(rival), want: waits(v1alpha1.ReasonOutageTaken, 0)},
		"component is not there":          {world: withOptions(noStatefulSet), want: waits(v1alpha1.ReasonComponentNotReady, 0)},
		"component is not ready":          {world: withOptions(pods(1, 1, 0)), want: waits(v1alpha1.ReasonComponentNotReady, 0)},
		"component is at zero already":    {world: withOptions(pods(0, 0, 0)), want: waits(v1alpha1.ReasonComponentNotReady, 0)},
		"component's figures are old":     {world: withOptions(unsettled), want: waits(v1alpha1.ReasonComponentNotReady, 0)},
		"half a record is none":           {chaos: []chaosOption{started, func(c *v1alpha1.Chaos) { c.Status.Deadline = nil }}, want: takes(stepRecord, v1alpha1.ReasonStarting)},
		"dry run":                         {chaos: []chaosOption{dryRun}, want: waits(v1alpha1.ReasonDryRun, 0)},
		"dry run finds an obstacle":       {chaos: []chaosOption{dryRun}, world: withOptions(suspended), want: stalled(v1alpha1.ReasonEventFlowSuspended)},
		"dry run waits like a real one":   {chaos: []chaosOption{dryRun}, world: withOptions(leased(other, 30)), want: waits(v1alpha1.ReasonOutageTaken, 30)},
		"dry run with a forged status":    {chaos: []chaosOption{dryRun, started}, want: waits(v1alpha1.ReasonDryRun, 0)},
		"deleted before it began":         {chaos: []chaosOption{deleted}, want: takes(stepRelease, v1alpha1.ReasonDeleted)},
		"deleted and held by others only": {chaos: []chaosOption{deleted, released}, want: waits(v1alpha1.ReasonDeleted, 0)},

		// Recorded, nothing asked for as far as can be seen.
		"asks":                              {chaos: []chaosOption{started}, want: takes(stepInject, v1alpha1.ReasonStarting)},
		"asks over a lease that is over":    {now: 60, chaos: []chaosOption{started}, world: withOptions(leased(other, 60)), want: takes(stepInject, v1alpha1.ReasonStarting)},
		"asks again after an older record":  {chaos: []chaosOption{started}, world: withOptions(leased(own, 30)), want: takes(stepInject, v1alpha1.ReasonStarting)},
		"does not mind a rival that lost":   {chaos: []chaosOption{started}, world: withOptions(rival), want: takes(stepInject, v1alpha1.ReasonStarting)},
		"another was faster":                {chaos: []chaosOption{started}, world: withOptions(leased(other, 30)), want: want{stepForget, v1alpha1.ReasonOutageTaken, false, 30 * time.Second}},
		"EventFlow was suspended meanwhile": {chaos: []chaosOption{started}, world: withOptions(suspended), want: want{stepForget, v1alpha1.ReasonEventFlowSuspended, true, 0}},
		"component fell over meanwhile":     {chaos: []chaosOption{started}, world: withOptions(pods(1, 1, 0)), want: takes(stepForget, v1alpha1.ReasonComponentNotReady)},
		"another StatefulSet than recorded": {chaos: []chaosOption{started}, world: withOptions(otherStatefulSet), want: takes(stepForget, v1alpha1.ReasonStarting)},
		"EventFlow went meanwhile":          {chaos: []chaosOption{started}, world: withOptions(noEventFlow), want: stalled(v1alpha1.ReasonEventFlowNotFound)},
		"dead from record to deadline":      {now: 120, chaos: []chaosOption{started}, want: takes(stepFinish, v1alpha1.ReasonDeadlinePassed)},
		"deleted before it asked":           {chaos: []chaosOption{started, deleted}, want: takes(stepGiveBack, v1alpha1.ReasonDeleted)},

		// Asked for.
		"waits for the last pod":             {now: 5, chaos: []chaosOption{started}, world: withOptions(leased(own, 120), pods(0, 1, 0)), want: waits(v1alpha1.ReasonStopping, 115)},
		"waits for the EventFlow controller": {now: 5, chaos: []chaosOption{started}, world: withOptions(leased(own, 120)), want: waits(v1alpha1.ReasonStopping, 115)},
		"zero is wanted, figures are old":    {now: 5, chaos: []chaosOption{started}, world: withOptions(leased(own, 120), pods(0, 0, 0), unsettled), want: waits(v1alpha1.ReasonStopping, 115)},
		"StatefulSet missing is not away":    {now: 5, chaos: []chaosOption{started}, world: withOptions(leased(own, 120), noStatefulSet), want: waits(v1alpha1.ReasonStopping, 115)},
		"last pod is gone":                   {now: 5, chaos: []chaosOption{started}, world: withOptions(leased(own, 120), pods(0, 0, 0)), want: takes(stepConfirm, v1alpha1.ReasonScaledToZero)},
		"did not stop by the deadline":       {now: 120, chaos: []chaosOption{started}, world: withOptions(leased(own, 120), pods(0, 1, 0)), want: takes(stepEnd, v1alpha1.ReasonDeadlinePassed)},
		"never began to stop":                {now: 120, chaos: []chaosOption{started}, world: withOptions(leased(own, 120)), want: takes(stepFinish, v1alpha1.ReasonDeadlinePassed)},
		"deleted while it stops":             {now: 5, chaos: []chaosOption{started, deleted}, world: withOptions(leased(own, 120), pods(0, 1, 0)), want: takes(stepGiveBack, v1alpha1.ReasonDeleted)},

		// Away.
		"lasts its duration":                 {now: 20, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leased(own, 120), pods(0, 0, 0)), want: waits(v1alpha1.ReasonScaledToZero, 50)},
		"lasts to the deadline at most":      {now: 100, chaos: []chaosOption{injectedAt(90)}, world: withOptions(leased(own, 120), pods(0, 0, 0)), want: waits(v1alpha1.ReasonScaledToZero, 20)},
		"duration is over":                   {now: 70, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leased(own, 120), pods(0, 0, 0)), want: takes(stepEnd, v1alpha1.ReasonDurationOver)},
		"deadline comes first":               {now: 120, chaos: []chaosOption{injectedAt(90)}, world: withOptions(leased(own, 120), pods(0, 0, 0)), want: takes(stepEnd, v1alpha1.ReasonDeadlinePassed)},
		"lease was taken away":               {now: 20, chaos: []chaosOption{injectedAt(10)}, world: withOptions(pods(0, 0, 0)), want: takes(stepEnd, v1alpha1.ReasonLeaseTakenAway)},
		"lease was taken over":               {now: 20, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leased(other, 500), pods(0, 0, 0)), want: takes(stepEnd, v1alpha1.ReasonLeaseTakenAway)},
		"lease was scribbled on":             {now: 20, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leaseUnreadable, pods(0, 0, 0)), want: takes(stepEnd, v1alpha1.ReasonLeaseTakenAway)},
		"EventFlow is deleted slowly":        {now: 20, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leased(own, 120), eventFlowDeleted, pods(0, 0, 0)), want: takes(stepEnd, v1alpha1.ReasonLeaseTakenAway)},
		"EventFlow is gone":                  {now: 20, chaos: []chaosOption{injectedAt(10)}, world: withOptions(noEventFlow), want: stalled(v1alpha1.ReasonEventFlowNotFound)},
		"suspended while away, waits on":     {now: 20, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leased(own, 120), suspended, pods(0, 0, 0)), want: waits(v1alpha1.ReasonScaledToZero, 50)},
		"dead past the deadline, back":       {now: 600, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leased(own, 120)), want: takes(stepFinish, v1alpha1.ReasonDeadlinePassed)},
		"dead past the deadline, not back":   {now: 600, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leased(own, 120), pods(1, 1, 0)), want: takes(stepEnd, v1alpha1.ReasonDeadlinePassed)},
		"dead past the deadline, new volume": {now: 600, chaos: []chaosOption{injectedAt(10)}, world: withOptions(leased(own, 120), otherVolume), want: takes(stepEnd, v1alpha1.ReasonDeadlinePassed)},
		"deleted while away":                 {now: 20, chaos: []chaosOption{injectedAt(10), deleted}, world: withOptions(leased(own, 120), pods(0, 0, 0)), want: takes(stepGiveBack, v1alpha1.ReasonDeleted)},
		"deleted, EventFlow gone":            {now: 20, chaos: []chaosOption{injectedAt(10), deleted}, world: withOptions(noEventFlow), want: takes(stepRelease, v1alpha1.ReasonDeleted)},

		// Over, and coming back.
		"gives back":                       {now: 70, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(leased(own, 120), pods(0, 0, 0)), want: takes(stepGiveBack, v1alpha1.ReasonReturning)},
		"gives back what is back":          {now: 70, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(leased(own, 120)), want: takes(stepGiveBack, v1alpha1.ReasonReturning)},
		"gives back after the deadline":    {now: 600, chaos: []chaosOption{injectedAt(10), recoveringAt(120)}, world: withOptions(leased(own, 120), pods(1, 1, 0)), want: takes(stepGiveBack, v1alpha1.ReasonReturning)},
		"waits for the component":          {now: 71, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(pods(1, 1, 0)), want: waits(v1alpha1.ReasonReturning, 0)},
		"waits for new figures":            {now: 71, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(unsettled), want: waits(v1alpha1.ReasonReturning, 0)},
		"waits out another's outage":       {now: 71, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(leased(other, 100), pods(0, 0, 0)), want: waits(v1alpha1.ReasonOutageTaken, 29)},
		"another's outage of another part": {now: 75, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(leased(other, 100), otherComponent), want: takes(stepFinish, v1alpha1.ReasonReturned)},
		"back":                             {now: 75, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, want: takes(stepFinish, v1alpha1.ReasonReturned)},
		"back and grown":                   {now: 75, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(threeReplicas), want: takes(stepFinish, v1alpha1.ReasonReturned)},
		"back on a new StatefulSet":        {now: 75, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(otherStatefulSet), want: takes(stepFinish, v1alpha1.ReasonReturned)},
		"back on another volume":           {now: 75, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(otherVolume), want: stalled(v1alpha1.ReasonVolumeReplaced)},
		"never came to be away, back":      {now: 121, chaos: []chaosOption{started, recoveringAt(120)}, want: takes(stepFinish, v1alpha1.ReasonReturned)},
		"EventFlow went while coming back": {now: 75, chaos: []chaosOption{injectedAt(10), recoveringAt(70)}, world: withOptions(noEventFlow), want: stalled(v1alpha1.ReasonEventFlowNotFound)},
		"deleted, holds on until back":     {now: 30, chaos: []chaosOption{injectedAt(10), recoveringAt(20), deleted}, world: withOptions(pods(1, 1, 0)), want: waits(v1alpha1.ReasonDeleted, 90)},
		"deleted, lease seen again":        {now: 30, chaos: []chaosOption{injectedAt(10), recoveringAt(20), deleted}, world: withOptions(leased(own, 120), pods(0, 0, 0)), want: takes(stepGiveBack, v1alpha1.ReasonDeleted)},
		"deleted, back":                    {now: 30, chaos: []chaosOption{injectedAt(10), recoveringAt(20), deleted}, want: takes(stepRelease, v1alpha1.ReasonDeleted)},
		"deleted, back on another volume":  {now: 30, chaos: []chaosOption{injectedAt(10), recoveringAt(20), deleted}, world: withOptions(otherVolume), want: takes(stepRelease, v1alpha1.ReasonDeleted)},
		"deleted, not back by deadline":    {now: 120, chaos: []chaosOption{injectedAt(10), recoveringAt(20), deleted}, world: withOptions(pods(1, 1, 0)), want: takes(stepRelease, v1alpha1.ReasonDeleted)},

		// Over.
		"lets go when all is back": {now: 80, chaos: []chaosOption{injectedAt(10), recoveringAt(70), recoveredAt(75)}, want: takes(stepRelease, v1alpha1.ReasonReturned)},
		"is done":                  {now: 80, chaos: []chaosOption{injectedAt(10), recoveringAt(70), recoveredAt(75), released}, want: takes(stepWait, "")},
		"stays done":               {now: 80, chaos: []chaosOption{injectedAt(10), recoveringAt(70), recoveredAt(75), released}, world: withOptions(pods(0, 0, 0)), want: takes(stepWait, "")},
		"deleted when all is back": {now: 80, chaos: []chaosOption{injectedAt(10), recoveringAt(70), recoveredAt(75), deleted}, world: withOptions(pods(0, 0, 0)), want: takes(stepRelease, v1alpha1.ReasonDeleted)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decide(at(tc.now), newChaos(tc.chaos...), newWorld(tc.world...))
			if diff := cmp.Diff(tc.want, want{got.step, got.reason, got.isStalled, got.after}); diff != "" {
				t.Errorf("action (-want +got):\n%s\nmessage: %s", diff, got.message)
			}
			if got.reason != "" && got.message == "" && got.step != stepFinish && got.step != stepRelease {
				t.Error("a reason that a condition shows has no message")
			}
		})
	}
}

// TestDecideSameMessage checks that a message does not change while nothing does: each
// change would be another write.
func TestDecideSameMessage(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		chaos []chaosOption
		world []worldOption
	}{
		"waits for another": {world: withOptions(leased("shop/other/other-uid", 100))},
		"stops":             {chaos: []chaosOption{started}, world: withOptions(leased(own, 120), pods(0, 1, 0))},
		"is away":           {chaos: []chaosOption{injectedAt(2)}, world: withOptions(leased(own, 120), pods(0, 0, 0))},
		"returns":           {chaos: []chaosOption{injectedAt(2), recoveringAt(3)}, world: withOptions(pods(1, 1, 0))},
		"dry run":           {chaos: []chaosOption{dryRun}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, w := newChaos(tc.chaos...), newWorld(tc.world...)
			first, second := decide(at(4), c, w), decide(at(14), c, w)
			if first.message != second.message {
				t.Errorf("message changed with time: %q, then %q", first.message, second.message)
			}
		})
	}
}
