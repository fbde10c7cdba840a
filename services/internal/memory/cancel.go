package memory

import (
	"context"
	"fmt"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Cancel implements checkout.Cancellations.
func (p *Pod) Cancel(_ context.Context, c checkout.Cancellation) (checkout.CancelOutcome, error) {
	var outcome checkout.CancelOutcome
	err := p.arbiter.change(func(s *arbiterState) error {
		outcome.Verdict = p.cancelLocked(s, c)
		if outcome.Verdict == checkout.CancelWaiting {
			outcome.Epoch = s.orders[c.Order.ID].cancelled
		}
		return nil
	})
	if err != nil {
		return checkout.CancelOutcome{}, fmt.Errorf("cancel %s: %w", c.Order.ID, err)
	}
	return outcome, nil
}

func (p *Pod) cancelLocked(s *arbiterState, c checkout.Cancellation) checkout.CancelVerdict {
	id := c.Order.ID
	held, found := s.orders[id]
	_, waiting := s.outbox[id]
	if found {
		if v := held.cancelVerdict(waiting); v != 0 {
			return v
		}
	}
	switch {
	case !found && c.Epoch == "":
		return checkout.CancelNotKnown
	case s.epoch == "" || !found && c.Epoch != s.epoch:
		return checkout.CancelPaused
	case !waiting && len(s.outbox) >= p.arbiter.outboxLimit:
		return checkout.CancelOutboxFull
	}
	if !found {
		held = &heldOrder{
			Record:      checkout.Record{Order: c.Order, State: ticketing.StateConfirmed},
			fingerprint: c.Fingerprint,
		}
		s.orders[id] = held
	}
	held.cancelled = s.epoch
	s.outbox[id] = p.arbiter.clock()
	delete(s.accepted, id)
	return checkout.CancelWaiting
}

// cancelVerdict is the answer about an order that needs no more marking, or zero.
func (h *heldOrder) cancelVerdict(waiting bool) checkout.CancelVerdict {
	switch {
	case h.State == ticketing.StateCancelled:
		return checkout.CancelSettled
	case h.State == ticketing.StateRefused:
		return checkout.CancelRefused
	case h.cancelled != "" && waiting:
		return checkout.CancelWaiting
	case h.cancelled != "":
		return checkout.CancelSent
	default:
		return 0
	}
}

// AcceptCancel implements checkout.Cancellations.
func (p *Pod) AcceptCancel(_ context.Context, ids ...ticketing.OrderID) error {
	return p.arbiter.change(func(s *arbiterState) error {
		for _, id := range ids {
			held, found := s.orders[id]
			if !found || held.cancelled == "" || held.State == ticketing.StateCancelled || held.State == ticketing.StateRefused {
				continue
			}
			if held.State == ticketing.StatePending {
				held.State = ticketing.StateAccepted
			}
			delete(s.outbox, id)
			s.accepted[id] = p.arbiter.clock()
		}
		return nil
	})
}

// Epoch implements checkout.Cancellations, and opening.Stock through Arbiter.
func (p *Pod) Epoch(context.Context) (string, error) {
	var epoch string
	err := p.arbiter.change(func(s *arbiterState) error {
		epoch = s.epoch
		return nil
	})
	return epoch, err
}

// cancelledOf returns which orders are in the batch as their cancellation.
func cancelledOf(orders []ticketing.Order) map[ticketing.OrderID]bool {
	cancelled := map[ticketing.OrderID]bool{}
	for _, o := range orders {
		if o.Cancelled {
			cancelled[o.ID] = true
		}
	}
	return cancelled
}

// cancelLocked moves the orders whose cancellation is in the batch from CONFIRMED to
// CANCELLED, gives their seats back, and returns them.
func (l *Ledger) cancelLocked(orders []ticketing.Order) map[ticketing.OrderID]bool {
	returned := map[ticketing.OrderID]bool{}
	for _, o := range orders {
		id := o.ID
		known, found := l.orders[id]
		if !o.Cancelled || !found || known.State != ticketing.StateConfirmed {
			continue
		}
		known.State, known.Order.Cancelled = ticketing.StateCancelled, true
		l.orders[id] = known
		l.sold[known.Order.Tier()] -= known.Order.Quantity
		l.dropConfirmationLocked(id)
		l.addEmailLocked(known.Order, known.State)
		returned[id] = true
	}
	return returned
}
