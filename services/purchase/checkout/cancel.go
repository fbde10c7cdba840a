package checkout

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Cancelled is an order whose cancellation is durable: there is no way back.
type Cancelled struct {
	Order ticketing.Order
	// Settled reports whether the ledger has it already and the seats are free again. They
	// will be in any case.
	Settled bool
}

// Cancel gives an order's seats back, once however often it is asked, and also while the
// ledger is away. email must be the buyer's address: an order's id is on its
// tickets, so that knowing it is no licence. It waits up to wait for the ledger to settle the
// cancellation, unless the pipeline is known to be paused.
//
// Errors are *ticketing.Error where the buyer is to know them: CodeUnknownOrder also for
// another's order, CodeNotCancellable, and with CodeOutcomeUnknown the order may be cancelled.
func (s *Service) Cancel(ctx context.Context, id ticketing.OrderID, email string, wait time.Duration) (Cancelled, error) {
	c, err := s.cancel(ctx, id, email, wait)
	s.d.Metrics.cancelled.WithLabelValues(cancelResultOf(c, err)).Inc()
	return c, err
}

func (s *Service) cancel(ctx context.Context, id ticketing.OrderID, email string, wait time.Duration) (Cancelled, error) {
	deadline := s.d.Clock().Add(wait)
	if err := s.d.Gate.Err(); err != nil {
		return Cancelled{}, err
	}
	record, epoch, err := s.find(ctx, id)
	if err != nil {
		return Cancelled{}, err
	}
	order := record.Order
	if !sameAddress(order.Buyer.Email, email) {
		return Cancelled{}, unknownOrder(id)
	}
	forgotten := epoch != ""
	if forgotten && record.State == ticketing.StateCancelled {
		return Cancelled{Order: order, Settled: true}, nil
	}
	if err := s.cancellable(record); err != nil {
		return Cancelled{}, err
	}
	request := Cancellation{Order: order}
	if forgotten {
		request.Epoch, request.Fingerprint = epoch, order.Fingerprint()
	}
	// Listen before anything can be announced.
	var w *waiter
	if wait > 0 && !s.d.Pipeline.Paused() {
		w = s.hub.watch(id, endsCancellation)
		defer w.stop()
	}
	outcome, err := s.mark(ctx, request)
	if err != nil {
		return Cancelled{Order: order}, err
	}
	return s.finishCancel(ctx, order, outcome, w, deadline)
}

// find returns the order as the arbiter has it. Where the arbiter has forgotten it, it is
// as the ledger has it, with the epoch in which the arbiter may take it back.
func (s *Service) find(ctx context.Context, id ticketing.OrderID) (Record, string, error) {
	// Not by lookup: a busy arbiter is waited for, as for a purchase.
	record, err := s.d.Reservations.Lookup(ctx, id)
	switch {
	case err == nil:
		return record, "", nil
	case !errors.Is(err, ErrNotFound):
		return Record{}, "", unavailable("the seat arbiter cannot be reached", err)
	}
	// The epoch is read first: see Cancellation.
	epoch, err := s.d.Cancellations.Epoch(ctx)
	switch {
	case err != nil:
		return Record{}, "", unavailable("the seat arbiter cannot be reached", err)
	case epoch == "":
		return Record{}, "", cancelPaused()
	}
	record, err = lookup(ctx, s.d.Ledger.Lookup, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return Record{}, "", unknownOrder(id)
	case err != nil:
		return Record{}, "", unavailable("the ledger, which may have the order, cannot be reached", err)
	}
	return record, epoch, nil
}

// cancellable returns why the order cannot be cancelled, or nil. Where the event is not
// known to this pod, the buyer has the benefit of the doubt.
func (s *Service) cancellable(r Record) error {
	event, known := s.d.Storefront.Event(r.Order.EventID)
	begun := known && !event.StartsAt.IsZero() && !s.d.Clock().Before(event.StartsAt)
	switch {
	case r.State == ticketing.StateRefused:
		return refusedCancel()
	case begun && r.State != ticketing.StateCancelled:
		return &ticketing.Error{Code: ticketing.CodeNotCancellable, Message: fmt.Sprintf("event %q has begun", r.Order.EventID)}
	default:
		return nil
	}
}

// mark asks the arbiter. The buyer's leaving does not interrupt it, and a lost answer is
// asked for once more: the step may be repeated.
func (s *Service) mark(ctx context.Context, c Cancellation) (CancelOutcome, error) {
	ctx = context.WithoutCancel(ctx)
	outcome, err := s.d.Cancellations.Cancel(ctx, c)
	lost := errors.Is(err, ErrOutcomeUnknown)
	if lost {
		again, retryErr := s.d.Cancellations.Cancel(ctx, c)
		if retryErr == nil {
			outcome, err = again, nil
		}
	}
	switch {
	case errors.Is(err, ErrOutcomeUnknown):
		s.d.Logger.WarnContext(ctx, "Outcome of a cancellation is unknown", telemetry.KeyOrderID, c.Order.ID, telemetry.KeyError, err)
		return CancelOutcome{}, unknownCancel()
	case errors.Is(err, ErrUnavailable):
		return CancelOutcome{}, unavailable("the seat arbiter cannot be reached", err)
	case err != nil:
		return CancelOutcome{}, fmt.Errorf("cancel order %s: %w", c.Order.ID, err)
	}
	v := outcome.Verdict
	if lost && (v == CancelNotKnown || v == CancelPaused || v == CancelOutboxFull) {
		return CancelOutcome{}, unknownCancel() // the first request may come after the second
	}
	return outcome, nil
}

// finishCancel publishes a cancellation that the broker may not have, and waits for it.
func (s *Service) finishCancel(
	ctx context.Context, order ticketing.Order, outcome CancelOutcome, w *waiter, deadline time.Time,
) (Cancelled, error) {
	order.Cancelled = true
	switch outcome.Verdict {
	case CancelSettled:
		return Cancelled{Order: order, Settled: true}, nil
	case CancelRefused:
		return Cancelled{}, refusedCancel()
	case CancelNotKnown, CancelPaused:
		return Cancelled{}, cancelPaused()
	case CancelOutboxFull:
		return Cancelled{}, refusal(Outcome{Verdict: OutboxFull}, order)
	case CancelWaiting:
		message := order
		// This pod is told when it is settled.
		message.Node, message.Epoch = s.d.Node, outcome.Epoch
		switch err := s.publish(ctx, message); {
		case errors.Is(err, ErrFenced):
			s.d.Logger.WarnContext(ctx, "Outcome of a cancellation of an ended epoch is unknown", telemetry.KeyOrderID, order.ID)
			return Cancelled{Order: order}, unknownCancel()
		case err != nil:
			return Cancelled{Order: order}, nil //nolint:nilerr // it is in the outbox, and nobody waits for the relay
		}
		s.acceptor.offer(message)
	case CancelSent:
	}
	state, settled := w.wait(ctx, deadline.Sub(s.d.Clock()))
	if !settled && w != nil {
		// The announcement goes to the pod that published it, which may be another one.
		latest, err := s.d.Cancellations.Cancel(ctx, Cancellation{Order: order})
		settled = err == nil && latest.Verdict == CancelSettled
	}
	if state == ticketing.StateRefused {
		return Cancelled{}, refusedCancel()
	}
	return Cancelled{Order: order, Settled: settled}, nil
}

// endsCancellation reports whether nothing more can come of a cancellation.
func endsCancellation(s ticketing.State) bool {
	return s == ticketing.StateCancelled || s == ticketing.StateRefused
}

// sameAddress reports whether both name one buyer, in a time that tells nothing about either.
func sameAddress(a, b string) bool {
	x, y := ticketing.Buyer{Email: a}.Digest(), ticketing.Buyer{Email: b}.Digest()
	return subtle.ConstantTimeCompare([]byte(x), []byte(y)) == 1
}

func refusedCancel() error {
	return &ticketing.Error{
		Code:    ticketing.CodeNotCancellable,
		Message: "the ledger had no room for this order: it is REFUSED, and has no seats to give back",
	}
}

func cancelPaused() error {
	return &ticketing.Error{
		Code: ticketing.CodeSalePaused, RetryAfter: retryAfter,
		Message: "the stock is being made ready; nothing was cancelled",
	}
}

func unknownCancel() error {
	return &ticketing.Error{
		Code: ticketing.CodeOutcomeUnknown, RetryAfter: retryAfter,
		Message: "the order may be cancelled: ask for it, or cancel it again",
	}
}
