package chaos

import "time"

// step is what a run does next. There is at most one of them in a run; its record in
// the status brings the next.
type step string

// The steps, in the order in which an undisturbed experiment takes them.
const (
	// stepWait does nothing: somebody else is at work, or time has to pass.
	stepWait step = "Wait"
	// stepRecord writes the original and the deadline into the status.
	stepRecord step = "Record"
	// stepForget takes that back, because nothing was touched and the world changed.
	stepForget step = "Forget"
	// stepInject asks for the outage.
	stepInject step = "Inject"
	// stepConfirm records that the component is away.
	stepConfirm step = "Confirm"
	// stepEnd records that the outage is over, before anything is given back.
	stepEnd step = "End"
	// stepGiveBack takes the request for the outage back.
	stepGiveBack step = "GiveBack"
	// stepFinish records that the component is back.
	stepFinish step = "Finish"
	// stepRelease removes the finalizer.
	stepRelease step = "Release"
)

// action is what decide decided, and why.
type action struct {
	step step
	// reason and message are for the conditions: what the Chaos is doing, or waits for.
	// Both are empty once the experiment is over.
	reason, message string
	// isStalled is whether nothing happens until a person acts.
	isStalled bool
	// after is when to look again though nothing has changed; zero is never.
	after time.Duration
}

// do is an action that takes a step.
func do(s step, reason, message string) action {
	return action{step: s, reason: reason, message: message}
}

// wait is an action that waits for a change of the world.
func wait(reason, message string) action {
	return action{step: stepWait, reason: reason, message: message}
}

// stall is an action that waits for a person.
func stall(reason, message string) action {
	return action{step: stepWait, reason: reason, message: message, isStalled: true}
}

// until returns the action with a time to look again.
func (a action) until(at, now time.Time) action {
	if at.After(now) {
		a.after = at.Sub(now)
	}
	return a
}
