package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// waitTimeout bounds what happens in the background: announcements, deliveries.
const waitTimeout = 20 * time.Second

// Tiers of Catalog.
var (
	general = ticketing.TierKey{EventID: "aurora", TierID: "general"}
	balcony = ticketing.TierKey{EventID: "aurora", TierID: "balcony"}
	pit     = ticketing.TierKey{EventID: "boreas", TierID: "pit"}
)

// capacityOf is the capacity of each tier of Catalog.
const capacityOf = 100

// Catalog returns two events with three tiers of a hundred seats each. They are on sale
// whatever the time is, and nobody reaches a limit.
func Catalog() []ticketing.Event {
	price := ticketing.Money{Amount: 4500, Currency: "EUR"}
	day := time.Date(2027, time.May, 14, 20, 0, 0, 0, time.UTC)
	return []ticketing.Event{
		{
			ID: "boreas", Name: "Boreas", Venue: "Old Harbour", StartsAt: day,
			SalesOpen: day.AddDate(-20, 0, 0), SalesClose: day.AddDate(200, 0, 0),
			Tiers: []ticketing.Tier{{
				ID: "pit", Name: "Pit", Price: price, Capacity: capacityOf, MaxPerOrder: 4,
				MaxPerBuyer: 1000, Fee: 250, TaxBasisPoints: 2100,
			}},
			PromoCodes: []ticketing.PromoCode{
				{Code: "EARLY", PercentOff: 10, ValidFrom: day.AddDate(-20, 0, 0), ValidUntil: day.AddDate(200, 0, 0)},
				{Code: "FRIENDS-5", AmountOff: 500, MaxUses: 20, Tiers: []string{"pit"}},
			},
		},
		{
			ID: "aurora", Name: "Aurora", Venue: "Teatro Real", StartsAt: day.AddDate(0, 1, 0),
			Tiers: []ticketing.Tier{
				{ID: "general", Name: "General", Price: price, Capacity: capacityOf},
				{ID: "balcony", Name: "Balcón", Price: price, Capacity: capacityOf},
			},
			PromoCodes: []ticketing.PromoCode{{Code: "EARLY", PercentOff: 10}},
		},
	}
}

// NewOrder returns a complete order with an id of its own.
func NewOrder(tier ticketing.TierKey, quantity int) ticketing.Order {
	return ticketing.Order{
		ID: ticketing.OrderID(uuid.NewString()), EventID: tier.EventID, TierID: tier.TierID, Quantity: quantity,
		Buyer:     ticketing.Buyer{Email: "ada@example.com", Name: "Ada Ñandú", Locale: "es"},
		PromoCode: "EARLY", Total: ticketing.Money{Amount: 4500 * int64(quantity), Currency: "EUR"},
		Price: ticketing.Price{
			Subtotal: 5000 * int64(quantity), Discount: 1000 * int64(quantity), Fee: 200 * int64(quantity),
			Tax: 300 * int64(quantity), Total: 4500 * int64(quantity), Currency: "EUR",
		},
		PlacedAt: time.Date(2026, time.November, 23, 10, 0, 0, 123456000, time.UTC), Node: "purchase-0", Epoch: epochOne,
	}
}

func newOrders(n int, tier ticketing.TierKey, quantity int) []ticketing.Order {
	orders := make([]ticketing.Order, n)
	for i := range orders {
		orders[i] = NewOrder(tier, quantity)
	}
	return orders
}

// ids returns the orders' ids.
func ids(orders ...ticketing.Order) []ticketing.OrderID {
	all := make([]ticketing.OrderID, len(orders))
	for i, o := range orders {
		all[i] = o.ID
	}
	return all
}

// must ends the test on an error of a step that is not what is tested.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// have ends the test on an error, or returns the value.
func have[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		must(t, err)
		return value
	}
}

// withCapacity returns Catalog with another capacity for one tier.
func withCapacity(tier ticketing.TierKey, capacity int) []ticketing.Event {
	events := Catalog()
	for i := range events {
		for j := range events[i].Tiers {
			if events[i].ID == tier.EventID && events[i].Tiers[j].ID == tier.TierID {
				events[i].Tiers[j].Capacity = capacity
			}
		}
	}
	return events
}

// receive waits for the channel's next value.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	select {
	case value, open := <-from:
		if !open {
			t.Fatalf("%s: channel closed", what)
		}
		return value
	case <-ctx.Done():
		t.Fatalf("%s: none within %s", what, waitTimeout)
	}
	panic(fmt.Sprintf("unreachable: %s", what))
}
