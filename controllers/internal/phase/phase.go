// Package phase runs the steps of a reconcile one after the other and names the three
// kinds of "not yet": an error is retried with back-off, Wait says that somebody else
// is at work, Stall that nothing happens until a person acts. It knows no Kubernetes.
package phase

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Result is what a phase that succeeded leaves behind.
type Result struct {
	// RequeueAfter asks for another run. Of several, the shortest counts; zero asks
	// for none.
	RequeueAfter time.Duration
}

// Phase is one step over a scope. It reads from the scope and writes to it.
type Phase[S any] func(ctx context.Context, scope S) (Result, error)

// Run runs the phases in order. The first that fails ends the run.
func Run[S any](ctx context.Context, scope S, phases ...Phase[S]) (Result, error) {
	var total Result
	for _, phase := range phases {
		result, err := phase(ctx, scope)
		if err != nil {
			return Result{}, err
		}
		total = total.Or(result)
	}
	return total, nil
}

// Or returns the result that comes back sooner.
func (r Result) Or(other Result) Result {
	if r.RequeueAfter <= 0 || (other.RequeueAfter > 0 && other.RequeueAfter < r.RequeueAfter) {
		return other
	}
	return r
}

// WaitingError ends a run until somebody else has done something. It is no failure.
type WaitingError struct {
	// Reason is the reason of the condition that tells the user.
	Reason string
	// Message says who is waited for.
	Message string
	// After is when to look again.
	After time.Duration
}

// Error implements error.
func (w *WaitingError) Error() string { return w.Message }

// Wait returns an error that ends the run; see WaitingError.
func Wait(reason, message string, after time.Duration) error {
	return &WaitingError{Reason: reason, Message: message, After: after}
}

// StalledError ends a run until a person acts.
type StalledError struct {
	// Reason is the reason of the condition that tells the user.
	Reason string
	// Err says what is wrong, and with what.
	Err error
}

// Error implements error.
func (s *StalledError) Error() string { return fmt.Sprintf("%s: %v", s.Reason, s.Err) }

// Unwrap returns what is wrong.
func (s *StalledError) Unwrap() error { return s.Err }

// Stall returns an error that ends the run; see StalledError.
func Stall(reason string, err error) error { return &StalledError{Reason: reason, Err: err} }

// AsWaiting returns the WaitingError in err, if it is one.
func AsWaiting(err error) (*WaitingError, bool) {
	waiting := &WaitingError{}
	found := errors.As(err, &waiting)
	return waiting, found
}

// AsStalled returns the StalledError in err, if it is one.
func AsStalled(err error) (*StalledError, bool) {
	stalled := &StalledError{}
	found := errors.As(err, &stalled)
	return stalled, found
}
