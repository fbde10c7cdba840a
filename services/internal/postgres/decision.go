package postgres

import (
	"fmt"
	"maps"
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
	// cancelled are the orders whose cancellation is in the batch; all of their copies are
	// marked so.
	cancelled map[uuid.UUID]bool
}

func newOrderBatch(orders []ticketing.Order) (orderBatch, error) {
	b := orderBatch{orders: slices.Clone(orders), keys: make([]uuid.UUID, len(orders)), cancelled: map[uuid.UUID]bool{}}
	for i, o := range orders {
		key, err := orderKey(o.ID)
		if err != nil {
			return orderBatch{}, err
		}
		b.keys[i] = key
		if o.Cancelled {
			b.cancelled[key] = true
		}
	}
	for i, key := range b.keys {
		b.orders[i].Cancelled = b.cancelled[key]
	}
	return b, nil
}

func (b orderBatch) cancelledKeys() []uuid.UUID { return slices.Collect(maps.Keys(b.cancelled)) }

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
		column(b.orders, func(o ticketing.Order) string { return string(firstState(o)) }),
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

// firstState is what an order is inserted as. Whether it stays CONFIRMED is decided afterwards.
func firstState(o ticketing.Order) ticketing.State {
	if o.Cancelled {
		return ticketing.StateCancelled
	}
	return ticketing.StateConfirmed
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
	// cancelled were never confirmed; returned were, and give their seats back.
	cancelled []uuid.UUID
	returned  []uuid.UUID
	known     []uuid.UUID
	// soldByTier is what is sold less what is given back.
	soldByTier map[ticketing.TierKey]int64
}

// decide goes through the batch in order and confirms each new order that still fits
// its tier, seats that the batch gives back included. An order that does not fit takes no
// seat from those behind it.
func decide(b orderBatch, found books) decision {
	d := decision{soldByTier: map[ticketing.TierKey]int64{}}
	for tier, seats := range found.seats {
		d.soldByTier[tier] -= seats
	}
	seen := make(map[uuid.UUID]bool, len(b.keys))
	for i, key := range b.keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		tier, quantity := b.orders[i].Tier(), int64(b.orders[i].Quantity)
		switch {
		case found.returned[key]:
			d.returned = append(d.returned, key)
		case !found.fresh[key]:
			d.known = append(d.known, key)
		case b.cancelled[key]:
			d.cancelled = append(d.cancelled, key)
		case d.soldByTier[tier]+quantity > found.left[tier]:
			d.refused = append(d.refused, key)
		default:
			d.confirmed, d.quantities = append(d.confirmed, key), append(d.quantities, quantity)
			d.soldByTier[tier] += quantity
		}
	}
	return d
}

// sold returns by how much each tier's sold seats change, as three columns.
func (d decision) sold() (events, tiers []string, quantities []int64) {
	for tier, quantity := range d.soldByTier {
		events, tiers = append(events, tier.EventID), append(tiers, tier.TierID)
		quantities = append(quantities, quantity)
	}
	return events, tiers, quantities
}

// emails returns which buyers are to be told what, as two columns.
func (d decision) emails() (ids []uuid.UUID, kinds []string) {
	cancelled := slices.Concat(d.cancelled, d.returned)
	ids = slices.Concat(d.confirmed, d.refused, cancelled)
	kinds = slices.Concat(
		slices.Repeat([]string{string(notify.KindConfirmation)}, len(d.confirmed)),
		slices.Repeat([]string{string(notify.KindRefusal)}, len(d.refused)),
		slices.Repeat([]string{string(notify.KindCancellation)}, len(cancelled)))
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
	for _, key := range slices.Concat(d.cancelled, d.returned) {
		written[key] = ticketing.StateCancelled
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
