package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/consumer/overdue"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var (
	_ checkout.Reservations  = (*Pod)(nil)
	_ checkout.Cancellations = (*Pod)(nil)
	_ checkout.Outbox        = (*Pod)(nil)
	_ checkout.Reservations  = (*Arbiter)(nil)
	_ fulfil.Projection      = (*Arbiter)(nil)
	_ storefront.Shelf       = (*Arbiter)(nil)
	_ opening.Stock          = (*Arbiter)(nil)
	_ overdue.Arbiter        = (*Arbiter)(nil)
	_ report.Backlog         = (*Arbiter)(nil)
)

// Arbiter is the twin of the Redis arbiter. It is one pod's client too, through the
// embedded Pod; NewPod makes the client of another pod.
type Arbiter struct {
	Faults
	*Pod
	clock       func() time.Time
	outboxLimit int

	mu        sync.Mutex
	state     arbiterState
	listeners map[int]listener
	nextID    int
}

// arbiterState is everything that a loss of data takes away.
type arbiterState struct {
	epoch     string
	paused    bool
	catalog   []ticketing.Event
	catalogAt time.Time
	stock     map[ticketing.TierKey]int
	capacity  map[ticketing.TierKey]int
	orders    map[ticketing.OrderID]*heldOrder
	outbox    map[ticketing.OrderID]time.Time
	// accepted has when the broker confirmed each order that is not settled.
	accepted map[ticketing.OrderID]time.Time
	// rebuild is the token of the rebuild that has the claim, until then.
	rebuild      string
	claimedUntil time.Time
	pending      map[ticketing.TierKey]report.Pending
	// buyers counts the seats that buyers hold, promos the orders that use a promo code.
	buyers map[buyerTier]int
	promos map[eventPromo]int
}

type heldOrder struct {
	checkout.Record
	fingerprint string
	// cancelled is the mark of a cancellation that is durable: the epoch to publish it in.
	cancelled string
}

// shown is the order as it is told: CANCELLED from the mark on.
func (h *heldOrder) shown() checkout.Record {
	r := h.Record
	if h.cancelled != "" && r.State != ticketing.StateRefused {
		r.State = ticketing.StateCancelled
	}
	r.Order.Cancelled = r.State == ticketing.StateCancelled
	return r
}

// published is what the order's entry in the outbox stands for.
func (h *heldOrder) published() ticketing.Order {
	o := h.Order
	if h.cancelled != "" {
		o.Cancelled, o.Epoch = true, h.cancelled
	}
	return o
}

type listener struct {
	node   string
	settle func([]checkout.Settlement)
}

// NewArbiter returns an arbiter that is not open yet and takes orders while fewer than
// outboxLimit wait in its outbox.
func NewArbiter(clock func() time.Time, outboxLimit int) *Arbiter {
	a := &Arbiter{clock: clock, outboxLimit: outboxLimit, state: newArbiterState(), listeners: map[int]listener{}}
	a.Pod = a.NewPod()
	return a
}

func newArbiterState() arbiterState {
	return arbiterState{
		stock:    map[ticketing.TierKey]int{},
		capacity: map[ticketing.TierKey]int{},
		orders:   map[ticketing.OrderID]*heldOrder{},
		outbox:   map[ticketing.OrderID]time.Time{},
		accepted: map[ticketing.OrderID]time.Time{},
		pending:  map[ticketing.TierKey]report.Pending{},
		buyers:   map[buyerTier]int{},
		promos:   map[eventPromo]int{},
	}
}

// Forget loses all data, as a Redis whose volume is gone does.
func (a *Arbiter) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = newArbiterState()
}

// SetEpoch puts the arbiter into another epoch, or closes the sale with "".
func (a *Arbiter) SetEpoch(epoch string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.epoch = epoch
}

// Settle implements fulfil.Projection.
func (a *Arbiter) Settle(_ context.Context, settlements []fulfil.Settlement) error {
	if err := a.begin(); err != nil {
		return err
	}
	byNode := map[string][]checkout.Settlement{}
	for _, s := range settlements {
		if !s.State.Settled() {
			return fmt.Errorf("settle %s: state %s is not final", s.Order.ID, s.State)
		}
	}
	a.mu.Lock()
	for _, s := range settlements {
		a.settleLocked(s)
		byNode[s.Order.Node] = append(byNode[s.Order.Node], checkout.Settlement{ID: s.Order.ID, State: s.State})
	}
	var calls []func()
	for _, l := range a.listeners {
		if told := byNode[l.node]; len(told) > 0 {
			calls = append(calls, func() { l.settle(told) })
		}
	}
	a.mu.Unlock()
	for _, call := range calls {
		call()
	}
	return a.end()
}

func (a *Arbiter) settleLocked(s fulfil.Settlement) {
	held, found := a.state.orders[s.Order.ID]
	if !found {
		return
	}
	live := !held.State.Settled()
	returned := s.State == ticketing.StateCancelled && (live || held.State == ticketing.StateConfirmed)
	if !live && !returned {
		return
	}
	held.State = s.State
	if s.State != ticketing.StateConfirmed || held.cancelled == "" {
		delete(a.state.outbox, s.Order.ID)
		delete(a.state.accepted, s.Order.ID)
	}
	if live {
		a.movePendingLocked(held.Order, -1)
	}
	a.state.giveBack(held.Order, s.State)
	tier := held.Order.Tier()
	if left, stocked := a.state.stock[tier]; returned && stocked {
		a.state.stock[tier] = left + held.Order.Quantity
	}
}

// movePendingLocked adds the order to what is pending of its tier, sign times.
func (a *Arbiter) movePendingLocked(o ticketing.Order, sign int64) {
	p := a.state.pending[o.Tier()]
	p.Tier = o.Tier()
	p.Orders += sign
	p.Tickets += sign * int64(o.Quantity)
	p.Revenue = ticketing.Money{Amount: p.Revenue.Amount + sign*o.Total.Amount, Currency: o.Total.Currency}
	a.state.pending[o.Tier()] = p
}

// SetPaused implements fulfil.Projection.
func (a *Arbiter) SetPaused(_ context.Context, paused bool) error {
	return a.change(func(s *arbiterState) error {
		s.paused = paused
		return nil
	})
}

// Shelf implements storefront.Shelf.
func (a *Arbiter) Shelf(context.Context) (storefront.ShelfState, error) {
	var shelf storefront.ShelfState
	err := a.change(func(s *arbiterState) error {
		shelf = storefront.ShelfState{
			Epoch: s.epoch, Events: s.catalog, CatalogAt: s.catalogAt,
			Stock: maps.Clone(s.stock), ConsumerPaused: s.paused, Outbox: len(s.outbox),
		}
		return nil
	})
	return shelf, err
}

// Stock implements opening.Stock.
func (a *Arbiter) Stock(_ context.Context, events []ticketing.Event) error {
	return a.change(func(s *arbiterState) error {
		for tier, capacity := range capacities(events) {
			if left := s.stock[tier] + capacity - s.capacity[tier]; left < 0 {
				return fmt.Errorf("stock %s: capacity %d is %d below what is held and sold", tier, capacity, -left)
			}
		}
		for tier, capacity := range capacities(events) {
			s.stock[tier] += capacity - s.capacity[tier]
			s.capacity[tier] = capacity
		}
		s.catalog, s.catalogAt = events, a.clock()
		return nil
	})
}

func capacities(events []ticketing.Event) map[ticketing.TierKey]int {
	all := map[ticketing.TierKey]int{}
	for _, e := range events {
		for _, t := range e.Tiers {
			all[ticketing.TierKey{EventID: e.ID, TierID: t.ID}] = t.Capacity
		}
	}
	return all
}

// Pending implements report.Backlog.
func (a *Arbiter) Pending(context.Context) ([]report.Pending, error) {
	var all []report.Pending
	err := a.change(func(s *arbiterState) error {
		for _, p := range s.pending {
			if p.Orders > 0 {
				all = append(all, p)
			}
		}
		return nil
	})
	slices.SortFunc(all, func(x, y report.Pending) int { return cmp.Compare(x.Tier.String(), y.Tier.String()) })
	return all, err
}

// change runs one atomic step, unless the arbiter is to fail.
func (a *Arbiter) change(step func(*arbiterState) error) error {
	if err := a.begin(); err != nil {
		return err
	}
	a.mu.Lock()
	err := step(&a.state)
	a.mu.Unlock()
	if err != nil {
		return err
	}
	return a.end()
}
