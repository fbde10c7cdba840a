package memory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// keepSettled is for how long a settled order is known.
const keepSettled = 7 * 24 * time.Hour

var errSuperseded = errors.New("the claim has run out, or the data is lost again")

// Begin implements opening.Stock.
func (a *Arbiter) Begin(_ context.Context, token, stale string) error {
	return a.change(func(s *arbiterState) error {
		switch {
		case s.epoch != "" && s.epoch != stale:
			return fmt.Errorf("begin a rebuild: the arbiter is open in epoch %s", s.epoch)
		case s.claimed(a.clock()) && s.rebuild != token:
			return fmt.Errorf("begin a rebuild: %w", opening.ErrBusy)
		}
		paused, catalog, at := s.paused, s.catalog, s.catalogAt
		*s = newArbiterState()
		s.paused, s.catalog, s.catalogAt = paused, catalog, at
		s.rebuild, s.claimedUntil = token, a.clock().Add(opening.ClaimFor)
		return nil
	})
}

// Restore implements opening.Stock.
func (a *Arbiter) Restore(_ context.Context, token string, records []opening.Record) error {
	return a.change(func(s *arbiterState) error {
		if !s.claimed(a.clock()) || s.rebuild != token {
			return fmt.Errorf("restore %d orders: %w", len(records), errSuperseded)
		}
		s.claimedUntil = a.clock().Add(opening.ClaimFor)
		for _, r := range records {
			if r.Age < keepSettled {
				record := checkout.Record{Order: r.Order, State: r.State}
				s.orders[r.Order.ID] = &heldOrder{Record: record, fingerprint: r.Order.Fingerprint()}
			}
			if r.State == ticketing.StateConfirmed {
				s.count(r.Order)
			}
		}
		return nil
	})
}

// Open implements opening.Stock.
func (a *Arbiter) Open(_ context.Context, sale opening.Sale) error {
	return a.change(func(s *arbiterState) error {
		if !s.claimed(a.clock()) || s.rebuild != sale.Token {
			return fmt.Errorf("open the sale: %w", errSuperseded)
		}
		s.open(sale, a.clock())
		return nil
	})
}

// claimed reports whether a rebuild has the arbiter to itself.
func (s *arbiterState) claimed(now time.Time) bool {
	return s.rebuild != "" && now.Before(s.claimedUntil)
}

func (s *arbiterState) open(sale opening.Sale, now time.Time) {
	s.rebuild, s.epoch = "", sale.Epoch
	s.stock, s.capacity = map[ticketing.TierKey]int{}, map[ticketing.TierKey]int{}
	for tier, pool := range sale.Pools() {
		s.stock[tier], s.capacity[tier] = pool.Left, pool.Capacity
	}
	s.catalog, s.catalogAt = sale.Events, now
}

// OpenSale puts a test's events on sale in an arbiter that has nothing in it.
func (a *Arbiter) OpenSale(epoch string, events ...ticketing.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.open(opening.Sale{Epoch: epoch, Events: events}, a.clock())
}

// Remind implements overdue.Arbiter.
func (a *Arbiter) Remind(_ context.Context, age time.Duration, limit int) (int, error) {
	moved := 0
	err := a.change(func(s *arbiterState) error {
		due := oldest(s.accepted, a.clock().Add(-age), limit)
		for _, id := range due {
			delete(s.accepted, id)
			s.outbox[id] = time.Time{}
		}
		moved = len(due)
		return nil
	})
	return moved, err
}
