package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Pod is one pod's client of an Arbiter. It has its own idea of the epoch, which it
// learns when it is refused for another one.
type Pod struct {
	arbiter *Arbiter
	// epoch is guarded by the arbiter's mutex.
	epoch string
}

// NewPod returns a client that does not know the epoch yet.
func (a *Arbiter) NewPod() *Pod { return &Pod{arbiter: a} }

// Reserve implements checkout.Reservations.
func (p *Pod) Reserve(_ context.Context, r checkout.Reservation) (checkout.Outcome, error) {
	if r.Order.Quantity < 1 || r.Order.Total.Amount < 0 {
		return checkout.Outcome{}, fmt.Errorf("reserve %s: %w: quantity or total is out of range", r.Order.ID, checkout.ErrUnavailable)
	}
	var outcome checkout.Outcome
	err := p.arbiter.change(func(s *arbiterState) error {
		outcome = p.reserveLocked(s, r)
		if outcome.Verdict == checkout.SalePaused && s.epoch != "" {
			first := p.epoch == ""
			p.epoch = s.epoch
			if first { // it could not know the epoch
				outcome = p.reserveLocked(s, r)
			}
		}
		return nil
	})
	if err != nil {
		return checkout.Outcome{}, fmt.Errorf("reserve %s: %w", r.Order.ID, err)
	}
	return outcome, nil
}

func (p *Pod) reserveLocked(s *arbiterState, r checkout.Reservation) checkout.Outcome {
	tier := r.Order.Tier()
	if held, found := s.orders[r.Order.ID]; found {
		if held.fingerprint != r.Fingerprint {
			return checkout.Outcome{Verdict: checkout.KeyReused}
		}
		return checkout.Outcome{Verdict: checkout.Known, Record: held.shown()}
	}
	left, stocked := s.stock[tier]
	event, rule, known := s.rules(r.Order)
	now := p.arbiter.clock()
	switch {
	case s.epoch == "" || s.epoch != p.epoch:
		return checkout.Outcome{Verdict: checkout.SalePaused}
	case len(s.outbox) >= p.arbiter.outboxLimit:
		return checkout.Outcome{Verdict: checkout.OutboxFull}
	case !stocked || !known:
		return checkout.Outcome{Verdict: checkout.NotOnSale}
	case !event.OnSale(now):
		return checkout.Outcome{Verdict: checkout.SaleClosed}
	case left < r.Order.Quantity:
		return checkout.Outcome{Verdict: checkout.SoldOut}
	}
	if limited := s.limited(r.Order, event, rule, now); limited.Verdict != 0 {
		return limited
	}
	record := checkout.Record{Order: r.Order, State: ticketing.StatePending}
	record.Order.Epoch = s.epoch
	s.stock[tier] -= r.Order.Quantity
	s.orders[r.Order.ID] = &heldOrder{Record: record, fingerprint: r.Fingerprint}
	s.outbox[r.Order.ID] = now
	s.count(r.Order)
	p.arbiter.movePendingLocked(r.Order, +1)
	return checkout.Outcome{Verdict: checkout.Reserved, Record: record}
}

// Accept implements checkout.Reservations.
func (p *Pod) Accept(_ context.Context, ids ...ticketing.OrderID) error {
	return p.arbiter.change(func(s *arbiterState) error {
		for _, id := range ids {
			if held, found := s.orders[id]; found && !held.State.Settled() {
				held.State = ticketing.StateAccepted
				if held.cancelled == "" {
					delete(s.outbox, id)
					s.accepted[id] = p.arbiter.clock()
				}
			}
		}
		return nil
	})
}

// Lookup implements checkout.Reservations.
func (p *Pod) Lookup(_ context.Context, id ticketing.OrderID) (checkout.Record, error) {
	var record checkout.Record
	err := p.arbiter.change(func(s *arbiterState) error {
		held, found := s.orders[id]
		if !found {
			return checkout.ErrNotFound
		}
		record = held.shown()
		return nil
	})
	if err != nil {
		return checkout.Record{}, fmt.Errorf("look up %s: %w", id, err)
	}
	return record, nil
}

// Claim implements checkout.Outbox.
func (p *Pod) Claim(_ context.Context, age time.Duration, limit int) ([]ticketing.Order, error) {
	var orders []ticketing.Order
	err := p.arbiter.change(func(s *arbiterState) error {
		now := p.arbiter.clock()
		for _, id := range oldest(s.outbox, now.Add(-age), limit) {
			s.outbox[id] = now
			orders = append(orders, s.orders[id].published())
		}
		return nil
	})
	return orders, err
}

// oldest returns up to limit ids whose time is not after the given one, the oldest first.
func oldest(times map[ticketing.OrderID]time.Time, until time.Time, limit int) []ticketing.OrderID {
	var ids []ticketing.OrderID
	for id, since := range times {
		if !since.After(until) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(x, y ticketing.OrderID) int {
		return cmp.Or(times[x].Compare(times[y]), cmp.Compare(x, y))
	})
	return ids[:min(limit, len(ids))]
}

// Announcements is one pod's ear for what its orders have come to.
type Announcements struct {
	arbiter *Arbiter
	node    string
}

// Announcements returns the ear of the pod with that node name.
func (a *Arbiter) Announcements(node string) *Announcements {
	return &Announcements{arbiter: a, node: node}
}

// Subscribe calls settle with each announcement, from the goroutine that settles,
// until the returned function is called.
func (s *Announcements) Subscribe(settle func([]checkout.Settlement)) (stop func()) {
	a := s.arbiter
	a.mu.Lock()
	defer a.mu.Unlock()
	id := a.nextID
	a.nextID++
	a.listeners[id] = listener{node: s.node, settle: settle}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, id)
	}
}

// Run calls settle with each announcement until ctx ends.
func (s *Announcements) Run(ctx context.Context, settle func([]checkout.Settlement)) error {
	defer s.Subscribe(settle)()
	<-ctx.Done()
	return nil
}
