package checkout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/eventflow-dev/eventflow/services/failpoint"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// retryAfter is what a buyer is told where it may work again soon.
	retryAfter = time.Second
	// DefaultPublishBudget bounds the wait for the broker's confirm within a purchase.
	DefaultPublishBudget = 1500 * time.Millisecond
	// DefaultMaxWaiting bounds the purchases that wait for their commit at one time.
	DefaultMaxWaiting = 384
	// acceptFirst: a purchase that waits longer than this for its commit has its
	// acceptance told before the wait, well before the relay would take it for forgotten.
	acceptFirst = time.Second
	// lookupTimeout bounds a look into one store.
	lookupTimeout = 500 * time.Millisecond
)

// Deps is what a Service works with. All of it is needed, but the last two.
type Deps struct {
	Storefront    Storefront
	Pipeline      Pipeline
	Gate          Gate
	Reservations  Reservations
	Cancellations Cancellations
	Publisher     Publisher
	Ledger        Ledger
	Identity      Identity
	// Node is the name of this pod: settlements of its orders are announced to it.
	Node    string
	Clock   func() time.Time
	Logger  *slog.Logger
	Metrics *Metrics
	// PublishBudget is DefaultPublishBudget where it is zero.
	PublishBudget time.Duration
	// MaxWaiting is DefaultMaxWaiting where it is zero.
	MaxWaiting int
}

// Service sells tickets.
type Service struct {
	d        Deps
	hub      *hub
	acceptor *acceptor
}

// New returns a Service. Run must run beside it.
func New(d Deps) *Service {
	d.PublishBudget = cmp.Or(d.PublishBudget, DefaultPublishBudget)
	return &Service{
		d:        d,
		hub:      newHub(cmp.Or(d.MaxWaiting, DefaultMaxWaiting)),
		acceptor: newAcceptor(d.Reservations, d.Cancellations, d.Metrics, d.Logger),
	}
}

// Run does the service's work in the background until ctx ends. It must end after the
// last Buy has.
func (s *Service) Run(ctx context.Context) error {
	s.acceptor.run(ctx)
	return nil
}

// Settle takes the settlements that were announced to this pod.
func (s *Service) Settle(settlements []Settlement) { s.hub.settle(settlements) }

// Check returns every field of the purchase that is wrong, and sells nothing.
func (s *Service) Check(p ticketing.Purchase) []ticketing.FieldError {
	event, known := s.d.Storefront.Event(p.EventID)
	_, err := ticketing.Place(p, event, known, s.d.Clock())
	if e, ok := errors.AsType[*ticketing.Error](err); ok {
		return e.Fields
	}
	return nil
}

// Buy sells the purchase, or tells what has become of it where the key has been used for
// it before. It waits up to wait for the ledger to settle the order, unless the pipeline
// is known to be paused. The record's state is true when it returns: PENDING and
// ACCEPTED are durable and will be settled later.
//
// Errors are *ticketing.Error where the buyer is to know them. With
// CodeOutcomeUnknown the record has the order's id, and the seats may be held.
func (s *Service) Buy(ctx context.Context, p ticketing.Purchase, key Key, wait time.Duration) (Record, error) {
	record, err := s.buy(ctx, p, key, wait)
	failpoint.Here(failpoint.BeforeAnswer)
	s.d.Metrics.purchases.WithLabelValues(resultOf(record, err)).Inc()
	if err == nil && record.State == ticketing.StateRefused {
		s.d.Metrics.lost.Inc()
		s.d.Logger.ErrorContext(ctx, "Order was refused by the ledger after its seats had been reserved",
			telemetry.KeyOrderID, record.Order.ID)
	}
	return record, err
}

func (s *Service) buy(ctx context.Context, p ticketing.Purchase, key Key, wait time.Duration) (Record, error) {
	deadline := s.d.Clock().Add(wait)
	order, err := s.place(p, key)
	if err != nil {
		return Record{}, err
	}
	if err := s.d.Gate.Err(); err != nil {
		return Record{}, err
	}
	// Listen before anything can be announced.
	var w *waiter
	if wait > 0 && !s.d.Pipeline.Paused() {
		w = s.hub.watch(order.ID, ticketing.State.Settled)
		defer w.stop()
	}
	outcome, err := s.reserve(ctx, order)
	if err != nil {
		return Record{Order: order}, err
	}
	switch outcome.Verdict {
	case Reserved:
		return s.finish(ctx, outcome.Record, w, deadline)
	case Known:
		return s.replay(ctx, outcome.Record, w, deadline)
	default:
		return Record{}, refusal(outcome, order)
	}
}

// place turns the purchase into an order with an id.
func (s *Service) place(p ticketing.Purchase, key Key) (ticketing.Order, error) {
	event, known := s.d.Storefront.Event(p.EventID)
	order, err := ticketing.Place(p, event, known, s.d.Clock().UTC().Truncate(time.Millisecond))
	switch {
	case ticketing.ErrorCode(err) == ticketing.CodeUnknownEvent && !s.d.Storefront.Loaded():
		return ticketing.Order{}, unavailable("what is on sale is not known yet: no store has answered since this pod started", nil)
	case err != nil:
		return ticketing.Order{}, fmt.Errorf("place a purchase: %w", err)
	}
	order.Node = s.d.Node
	order.ID, err = s.d.Identity.OrderID(order.Buyer.Email, key)
	return order, err
}

// reserve asks the arbiter. The buyer's leaving does not interrupt it: a step that may
// have been taken is better known than guessed.
func (s *Service) reserve(ctx context.Context, order ticketing.Order) (Outcome, error) {
	ctx = context.WithoutCancel(ctx)
	r := Reservation{Order: order, Fingerprint: order.Fingerprint()}
	start := s.d.Clock()
	failpoint.Here(failpoint.BeforeReserve)
	outcome, err := s.d.Reservations.Reserve(ctx, r)
	failpoint.Here(failpoint.AfterReserve)
	switch {
	case err == nil && outcome.Verdict == SalePaused:
		// The refusal has told the arbiter's epoch. Once more with it, and no third time.
		outcome, err = s.d.Reservations.Reserve(ctx, r)
	case errors.Is(err, ErrOutcomeUnknown):
		// Asking again is harmless, because an order is reserved once, and mostly tells. A
		// refusal does not: the first request may be under way still, and come after it.
		again, retryErr := s.d.Reservations.Reserve(ctx, r)
		if retryErr == nil && (again.Verdict == Reserved || again.Verdict == Known) {
			outcome, err = again, nil
		}
	}
	s.d.Metrics.reserve.Observe(s.d.Clock().Sub(start).Seconds())
	switch {
	case err == nil:
		return outcome, nil
	case errors.Is(err, ErrOutcomeUnknown):
		s.d.Logger.WarnContext(ctx, "Outcome of a reservation is unknown", telemetry.KeyOrderID, order.ID, telemetry.KeyError, err)
		return Outcome{}, outcomeUnknown()
	case errors.Is(err, ErrUnavailable):
		return Outcome{}, unavailable("the seat arbiter cannot be reached", err)
	default:
		return Outcome{}, fmt.Errorf("reserve order %s: %w", order.ID, err)
	}
}

// finish publishes a PENDING order and waits for it. The order is in the outbox, on disk:
// whatever fails here, the relay finishes it, and nobody waits for that. Only where the
// order's epoch is over the outbox may be gone with the arbiter's data.
func (s *Service) finish(ctx context.Context, record Record, w *waiter, deadline time.Time) (Record, error) {
	switch err := s.publish(ctx, record.Order); {
	case errors.Is(err, ErrFenced):
		s.d.Logger.WarnContext(ctx, "Outcome of an order of an ended epoch is unknown", telemetry.KeyOrderID, record.Order.ID)
		return record, outcomeUnknown()
	case err != nil:
		return record, nil //nolint:nilerr // the order is durable
	}
	record.State = ticketing.StateAccepted
	atMost := deadline.Sub(s.d.Clock())
	if atMost > acceptFirst {
		s.acceptor.offer(record.Order)
	}
	state, settled := w.wait(ctx, atMost)
	switch {
	case settled: // whoever settled it has taken it out of the outbox too
		record.State = state
	case atMost <= acceptFirst:
		s.acceptor.offer(record.Order)
	}
	return record, nil
}

// publish returns nil once the broker has confirmed the order.
func (s *Service) publish(ctx context.Context, order ticketing.Order) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.d.PublishBudget)
	defer cancel()
	start := s.d.Clock()
	err := s.d.Publisher.Publish(ctx, order)
	s.d.Metrics.publish.Observe(s.d.Clock().Sub(start).Seconds())
	s.d.Metrics.published.WithLabelValues(publishResult(err)).Inc()
	if err != nil {
		s.d.Logger.DebugContext(ctx, "Left order to the relay", telemetry.KeyOrderID, order.ID, telemetry.KeyError, err)
		return err
	}
	failpoint.Here(failpoint.AfterConfirm)
	return nil
}

// replay answers a key that is known with its order's present state. A PENDING order is
// published again: the pod that reserved it may have died before it did, and then the
// arbiter would be the only one to know of an order that is promised here.
func (s *Service) replay(ctx context.Context, record Record, w *waiter, deadline time.Time) (Record, error) {
	switch record.State {
	case ticketing.StatePending:
		var err error
		if record, err = s.finish(ctx, record, w, deadline); err != nil {
			return record, err
		}
	case ticketing.StateAccepted:
		if state, settled := w.wait(ctx, deadline.Sub(s.d.Clock())); settled {
			record.State = state
		}
	default:
	}
	if record.State.Settled() || w == nil {
		return record, nil
	}
	// The announcement goes to the pod that took the order, which may be another one.
	if latest, err := s.d.Reservations.Lookup(ctx, record.Order.ID); err == nil && latest.State.Settled() {
		return latest, nil
	}
	return record, nil
}
