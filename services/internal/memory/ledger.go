package memory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var (
	_ fulfil.Ledger    = (*Ledger)(nil)
	_ checkout.Ledger  = (*Ledger)(nil)
	_ storefront.Books = (*Ledger)(nil)
	_ opening.Books    = (*Ledger)(nil)
	_ report.Books     = (*Ledger)(nil)
)

// Ledger is the twin of the PostgreSQL ledger, with its e-mail outbox.
type Ledger struct {
	Faults
	clock func() time.Time

	mu     sync.Mutex
	events []ticketing.Event
	sold   map[ticketing.TierKey]int
	orders map[ticketing.OrderID]checkout.Record
	// settledAt is when each order was committed.
	settledAt map[ticketing.OrderID]time.Time
	// sequence holds the order ids as they were committed.
	sequence []ticketing.OrderID
	emails   []*outboxEmail
	// epochs tells of each epoch whether it has ended.
	epochs map[string]bool
}

// NewLedger returns an empty ledger. The clock decides when an e-mail is due.
func NewLedger(clock func() time.Time) *Ledger {
	return &Ledger{
		clock: clock, sold: map[ticketing.TierKey]int{}, orders: map[ticketing.OrderID]checkout.Record{},
		settledAt: map[ticketing.OrderID]time.Time{}, epochs: map[string]bool{},
	}
}

// Migrate implements opening.Books.
func (l *Ledger) Migrate(context.Context) error { return l.change(func() error { return nil }) }

// Ping implements fulfil.Ledger.
func (l *Ledger) Ping(context.Context) error { return l.change(func() error { return nil }) }

// Commit implements fulfil.Ledger.
func (l *Ledger) Commit(_ context.Context, orders []ticketing.Order) ([]fulfil.Settlement, error) {
	var settlements []fulfil.Settlement
	err := l.change(func() error {
		for _, o := range orders {
			if err := l.acceptableLocked(o); err != nil {
				return fmt.Errorf("commit %s: %w", o.ID, &fulfil.RejectedError{Err: err})
			}
		}
		// Seats that are given back first are there for the others, as in one statement.
		returned := l.cancelLocked(orders)
		cancelled := cancelledOf(orders)
		for _, o := range orders {
			o.Cancelled = o.Cancelled || cancelled[o.ID]
			settlements = append(settlements, l.commitLocked(o, returned))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return settlements, nil
}

func (l *Ledger) acceptableLocked(o ticketing.Order) error {
	id, err := uuid.Parse(string(o.ID))
	_, found := l.tierLocked(o.Tier())
	switch {
	case err != nil || id.String() != string(o.ID):
		return fmt.Errorf("order id %q is not a canonical UUID", o.ID)
	case !found:
		return fmt.Errorf("there is no tier %s", o.Tier())
	case o.Quantity < 1 || o.Quantity > math.MaxInt32 || o.Total.Amount < 0 || !o.Price.Valid():
		return errors.New("a number is out of range")
	case strings.Contains(o.Buyer.Email+o.Buyer.Name+o.Buyer.Locale+o.PromoCode+o.Node, "\x00"):
		return errors.New("text holds a null character")
	}
	return nil
}

func (l *Ledger) commitLocked(o ticketing.Order, returned map[ticketing.OrderID]bool) fulfil.Settlement {
	if known, found := l.orders[o.ID]; found {
		isNew := returned[o.ID]
		delete(returned, o.ID)
		return fulfil.Settlement{Order: o, State: known.State, New: isNew}
	}
	tier, _ := l.tierLocked(o.Tier())
	state := ticketing.StateConfirmed
	switch {
	case o.Cancelled:
		state = ticketing.StateCancelled
	case l.sold[o.Tier()]+o.Quantity > tier.Capacity:
		state = ticketing.StateRefused
	default:
		l.sold[o.Tier()] += o.Quantity
	}
	kept := o
	kept.Epoch = "" // the books do not keep it
	l.orders[o.ID] = checkout.Record{Order: kept, State: state}
	l.settledAt[o.ID] = l.clock()
	l.sequence = append(l.sequence, o.ID)
	l.addEmailLocked(o, state)
	return fulfil.Settlement{Order: o, State: state, New: true}
}

// Lookup implements checkout.Ledger.
func (l *Ledger) Lookup(_ context.Context, id ticketing.OrderID) (checkout.Record, error) {
	var record checkout.Record
	err := l.change(func() error {
		known, found := l.orders[id]
		if !found {
			return checkout.ErrNotFound
		}
		record = known
		return nil
	})
	if err != nil {
		return checkout.Record{}, fmt.Errorf("look up %s: %w", id, err)
	}
	return record, nil
}

// Catalog implements storefront.Books.
func (l *Ledger) Catalog(context.Context) ([]ticketing.Event, error) {
	var events []ticketing.Event
	err := l.change(func() error {
		events = cloneEvents(l.events)
		return nil
	})
	return events, err
}

// SaveCatalog implements opening.Books.
func (l *Ledger) SaveCatalog(_ context.Context, events []ticketing.Event) error {
	return l.change(func() error {
		for _, e := range events {
			for _, t := range e.Tiers {
				if err := l.compatibleLocked(ticketing.TierKey{EventID: e.ID, TierID: t.ID}, t); err != nil {
					return fmt.Errorf("save catalog: %w", &fulfil.RejectedError{Err: err})
				}
			}
		}
		for _, e := range cloneEvents(events) {
			l.saveEventLocked(e)
		}
		return nil
	})
}

func (l *Ledger) compatibleLocked(key ticketing.TierKey, t ticketing.Tier) error {
	was, _ := l.tierLocked(key)
	switch sold := l.sold[key]; {
	case t.Capacity < sold:
		return fmt.Errorf("tier %s: capacity %d is below the %d sold", key, t.Capacity, sold)
	case sold > 0 && t.Price.Currency != was.Price.Currency:
		return fmt.Errorf("tier %s: %d seats are sold in %s", key, sold, was.Price.Currency)
	}
	return nil
}

// saveEventLocked replaces the event but keeps tiers that e has no longer.
func (l *Ledger) saveEventLocked(e ticketing.Event) {
	i := slices.IndexFunc(l.events, func(known ticketing.Event) bool { return known.ID == e.ID })
	if i < 0 {
		l.events = append(l.events, e)
		return
	}
	for _, t := range l.events[i].Tiers {
		if !slices.ContainsFunc(e.Tiers, func(other ticketing.Tier) bool { return other.ID == t.ID }) {
			e.Tiers = append(e.Tiers, t)
		}
	}
	l.events[i] = e
}

func (l *Ledger) tierLocked(key ticketing.TierKey) (ticketing.Tier, bool) {
	event, found := l.eventLocked(key.EventID)
	if !found || key.TierID == "" {
		return ticketing.Tier{}, false
	}
	return event.Tier(key.TierID)
}

func (l *Ledger) eventLocked(id string) (ticketing.Event, bool) {
	i := slices.IndexFunc(l.events, func(e ticketing.Event) bool { return e.ID == id })
	if i < 0 {
		return ticketing.Event{}, false
	}
	return l.events[i], true
}

// SalesByTier implements report.Books.
func (l *Ledger) SalesByTier(context.Context) ([]report.TierSales, error) {
	var sales []report.TierSales
	err := l.change(func() error {
		for _, e := range l.events {
			for _, t := range e.Tiers {
				sales = append(sales, l.tierSalesLocked(e, t))
			}
		}
		return nil
	})
	slices.SortFunc(sales, compareTierSales)
	return sales, err
}

// change runs one transaction, unless the ledger is to fail.
func (l *Ledger) change(transaction func() error) error {
	if err := l.begin(); err != nil {
		return err
	}
	l.mu.Lock()
	err := transaction()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.end()
}

func cloneEvents(events []ticketing.Event) []ticketing.Event {
	clones := slices.Clone(events)
	for i := range clones {
		clones[i].Tiers = slices.Clone(clones[i].Tiers)
		clones[i].PromoCodes = slices.Clone(clones[i].PromoCodes)
	}
	return clones
}
