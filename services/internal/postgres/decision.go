package postgres

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// orderBatch is the orders of one commit with their keys.
type orderBatch struct {
	orders []ticketing.Order
	keys   []uuid.UUID
}

func newOrderBatch(orders []ticketing.Order) (orderBatch, error) {
	keys := make([]uuid.UUID, len(orders))
	for i, o := range orders {
		key, err := orderKey(o.ID)
		if err != nil {
			return orderBatch{}, err
		}
		keys[i] = key
	}
	return orderBatch{orders: orders, keys: keys}, nil
}

// orderKey parses an order id, which has only one way to be written.
func orderKey(id ticketing.OrderID) (uuid.UUID, error) {
	key, err := uuid.Parse(string(id))
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("order id %q: %w", id, err)
	}
	if key.String() != string(id) {
		return uuid.UUID{}, fmt.Errorf("order id %q: not in canonical form", id)
	}
	return key, nil
}

// tiers returns the batch's tiers, each once, as two columns.
func (b orderBatch) tiers() (events, tiers []string) {
	seen := map[ticketing.TierKey]bool{}
	for _, o := range b.orders {
		if key := o.Tier(); !seen[key] {
			seen[key] = true
			events, tiers = append(events, key.EventID), append(tiers, key.TierID)
		}
	}
	return events, tiers
}

// columns returns the arguments of insertOrdersSQL.
func (b orderBatch) columns() []any {
	return []any{
		b.keys,
		column(b.orders, func(o ticketing.Order) string { return o.EventID }),
		column(b.orders, func(o ticketing.Order) string { return o.TierID }),
		column(b.orders, func(o ticketing.Order) int64 { return int64(o.Quantity) }),
		column(b.orders, func(o ticketing.Order) int64 { return o.Total.Amount }),
		column(b.orders, func(o ticketing.Order) string { return o.Total.Currency }),
		column(b.orders, func(o ticketing.Order) string { return o.Buyer.Email }),
		column(b.orders, func(o ticketing.Order) string { return o.Buyer.Name }),
		column(b.orders, func(o ticketing.Order) string { return o.Buyer.Locale }),
		column(b.orders, func(o ticketing.Order) string { return o.PromoCode }),
		column(b.orders, func(o ticketing.Order) string { return o.Node }),
		column(b.orders, func(o ticketing.Order) time.Time { return o.PlacedAt }),
		priceColumn(b.orders, func(p ticketing.Price) int64 { return p.Subtotal }),
		priceColumn(b.orders, func(p ticketing.Price) int64 { return p.Discount }),
		priceColumn(b.orders, func(p ticketing.Price) int64 { return p.Fee }),
		priceColumn(b.orders, func(p ticketing.Price) int64 { return p.Tax }),
	}
}

// priceColumn is a column of amounts that is null where an order's price is not broken down.
func priceColumn(orders []ticketing.Order, amount func(ticketing.Price) int64) []*int64 {
	return column(orders, func(o ticketing.Order) *int64 {
		if o.Price == (ticketing.Price{}) {
			return nil
		}
		return new(amount(o.Price))
	})
}

func column[T any](orders []ticketing.Order, value func(ticketing.Order) T) []T {
	values := make([]T, len(orders))
	for i, o := range orders {
		values[i] = value(o)
	}
	return values
}

// decision is what a commit does with its orders.
type decision struct {
	// confirmed and quantities run in parallel.
	confirmed  []uuid.UUID
	quantities []int64
	refused    []uuid.UUID
	known      []uuid.UUID
	soldByTier map[ticketing.TierKey]int64
}

// decide goes through the batch in order and confirms each new order that still fits
// its tier. An order that does not fit takes no seat from those behind it.
func decide(b orderBatch, fresh map[uuid.UUID]bool, left map[ticketing.TierKey]int64) decision {
	d := decision{soldByTier: map[ticketing.TierKey]int64{}}
	seen := make(map[uuid.UUID]bool, len(b.keys))
	for i, key := range b.keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		tier, quantity := b.orders[i].Tier(), int64(b.orders[i].Quantity)
		switch {
		case !fresh[key]:
			d.known = append(d.known, key)
		case d.soldByTier[tier]+quantity > left[tier]:
			d.refused = append(d.refused, key)
		default:
			d.confirmed, d.quantities = append(d.confirmed, key), append(d.quantities, quantity)
			d.soldByTier[tier] += quantity
		}
	}
	return d
}

// sold returns what each tier has sold, as three columns.
func (d decision) sold() (events, tiers []string, quantities []int64) {
	for tier, quantity := range d.soldByTier {
		events, tiers = append(events, tier.EventID), append(tiers, tier.TierID)
		quantities = append(quantities, quantity)
	}
	return events, tiers, quantities
}

// emails returns which buyers are to be told what, as two columns.
func (d decision) emails() (ids []uuid.UUID, kinds []string) {
	ids = slices.Concat(d.confirmed, d.refused)
	kinds = slices.Concat(
		slices.Repeat([]string{string(notify.KindConfirmation)}, len(d.confirmed)),
		slices.Repeat([]string{string(notify.KindRefusal)}, len(d.refused)))
	return ids, kinds
}

// settle tells the state of every order of the batch. stored has the states of those
// that were in the ledger before.
func settle(b orderBatch, d decision, stored map[uuid.UUID]ticketing.State) ([]fulfil.Settlement, error) {
	written := make(map[uuid.UUID]ticketing.State, len(b.keys))
	for _, key := range d.confirmed {
		written[key] = ticketing.StateConfirmed
	}
	for _, key := range d.refused {
		written[key] = ticketing.StateRefused
	}
	settlements := make([]fulfil.Settlement, len(b.orders))
	for i, key := range b.keys {
		state, isNew := written[key]
		if isNew {
			stored[key] = state
			delete(written, key) // a second message of the same order finds it there
		}
		known, found := stored[key]
		if !found {
			return nil, fmt.Errorf("order %s: neither inserted nor found", key)
		}
		settlements[i] = fulfil.Settlement{Order: b.orders[i], State: known, New: isNew}
	}
	return settlements, nil
}
