package postgres

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// decisionCase is one batch: quantities of orders in sequence, which of them are in
// the ledger already, and which are cancelled.
type decisionCase struct {
	quantities []int
	known      map[int]ticketing.State
	cancelled  []int
	left       int64
	want       []ticketing.State
}

// TestDecide: first come first served, and only what does not fit is refused.
func TestDecide(t *testing.T) {
	t.Parallel()
	const confirmed, refused, cancelled = ticketing.StateConfirmed, ticketing.StateRefused, ticketing.StateCancelled
	for name, tc := range map[string]decisionCase{
		"all fit":                    {[]int{2, 3}, nil, nil, 5, []ticketing.State{confirmed, confirmed}},
		"none left":                  {[]int{1, 1}, nil, nil, 0, []ticketing.State{refused, refused}},
		"a smaller one behind fits":  {[]int{2, 4, 1}, nil, nil, 3, []ticketing.State{confirmed, refused, confirmed}},
		"known ones take no seat":    {[]int{3, 3}, map[int]ticketing.State{0: confirmed}, nil, 3, []ticketing.State{confirmed, confirmed}},
		"known ones keep their fate": {[]int{1, 1}, map[int]ticketing.State{0: refused, 1: confirmed}, nil, 9, []ticketing.State{refused, confirmed}},
		"cancelled first, no seat":   {[]int{4, 2}, nil, []int{0}, 2, []ticketing.State{cancelled, confirmed}},
		"seats come back for others": {[]int{3, 2}, map[int]ticketing.State{1: confirmed}, []int{1}, 1, []ticketing.State{confirmed, cancelled}},
		"refused stays refused":      {[]int{1}, map[int]ticketing.State{0: refused}, []int{0}, 5, []ticketing.State{refused}},
		"cancelled twice":            {[]int{1}, map[int]ticketing.State{0: cancelled}, []int{0}, 5, []ticketing.State{cancelled}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			batch, found, stored := makeBatch(t, tc)
			tier := batch.orders[0].Tier()
			d := decide(batch, found)
			settlements, err := settle(batch, d, stored)
			if err != nil {
				t.Fatal(err)
			}
			var sold int64
			for i, s := range settlements {
				was, wasKnown := tc.known[i]
				if wantNew := !wasKnown || was != s.State; s.State != tc.want[i] || s.New != wantNew {
					t.Errorf("order %d: got %s new=%t, want %s new=%t", i, s.State, s.New, tc.want[i], wantNew)
				}
				switch {
				case s.New && s.State == confirmed:
					sold += int64(tc.quantities[i])
				case s.New && wasKnown:
					sold -= int64(tc.quantities[i])
				}
			}
			if d.soldByTier[tier] != sold {
				t.Errorf("sold %d, want %d", d.soldByTier[tier], sold)
			}
		})
	}
}

func makeBatch(t *testing.T, tc decisionCase) (orderBatch, books, map[uuid.UUID]ticketing.State) {
	t.Helper()
	tier := ticketing.TierKey{EventID: "aurora", TierID: "general"}
	found := books{
		left: map[ticketing.TierKey]int64{tier: tc.left}, fresh: map[uuid.UUID]bool{},
		returned: map[uuid.UUID]bool{}, seats: map[ticketing.TierKey]int64{},
	}
	stored := map[uuid.UUID]ticketing.State{}
	var orders []ticketing.Order
	for i, quantity := range tc.quantities {
		key := uuid.New()
		order := ticketing.Order{
			ID: ticketing.OrderID(key.String()), EventID: tier.EventID, TierID: tier.TierID, Quantity: quantity,
			Cancelled: slices.Contains(tc.cancelled, i),
		}
		orders = append(orders, order)
		switch state, known := tc.known[i]; {
		case known && order.Cancelled && state == ticketing.StateConfirmed:
			found.returned[key] = true
			found.seats[tier] += int64(quantity)
		case known:
			stored[key] = state
		default:
			found.fresh[key] = true
		}
	}
	batch, err := newOrderBatch(orders)
	if err != nil {
		t.Fatal(err)
	}
	return batch, found, stored
}

// TestSettleOneOrderTwice: the first message of the two wrote it.
func TestSettleOneOrderTwice(t *testing.T) {
	t.Parallel()
	batch, found, stored := makeBatch(t, decisionCase{quantities: []int{1}, left: 1})
	batch.orders, batch.keys = append(batch.orders, batch.orders[0]), append(batch.keys, batch.keys[0])
	d := decide(batch, found)
	got, err := settle(batch, d, stored)
	want := []fulfil.Settlement{
		{Order: batch.orders[0], State: ticketing.StateConfirmed, New: true},
		{Order: batch.orders[0], State: ticketing.StateConfirmed},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestSettleMissing: an order that is neither new nor there is nothing to be confirmed.
func TestSettleMissing(t *testing.T) {
	t.Parallel()
	batch, _, _ := makeBatch(t, decisionCase{quantities: []int{1}})
	if _, err := settle(batch, decision{known: batch.keys}, map[uuid.UUID]ticketing.State{}); err == nil {
		t.Error("settled an order that nobody has")
	}
}
