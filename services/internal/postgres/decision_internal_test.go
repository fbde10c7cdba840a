package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// decisionCase is one batch: quantities of orders in sequence, and which of them are in
// the ledger already.
type decisionCase struct {
	quantities []int
	known      map[int]ticketing.State
	left       int64
	want       []ticketing.State
}

// TestDecide: first come first served, and only what does not fit is refused.
func TestDecide(t *testing.T) {
	t.Parallel()
	const confirmed, refused = ticketing.StateConfirmed, ticketing.StateRefused
	for name, tc := range map[string]decisionCase{
		"all fit":                    {[]int{2, 3}, nil, 5, []ticketing.State{confirmed, confirmed}},
		"none left":                  {[]int{1, 1}, nil, 0, []ticketing.State{refused, refused}},
		"a smaller one behind fits":  {[]int{2, 4, 1}, nil, 3, []ticketing.State{confirmed, refused, confirmed}},
		"known ones take no seat":    {[]int{3, 3}, map[int]ticketing.State{0: confirmed}, 3, []ticketing.State{confirmed, confirmed}},
		"known ones keep their fate": {[]int{1, 1}, map[int]ticketing.State{0: refused, 1: confirmed}, 9, []ticketing.State{refused, confirmed}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			batch, fresh, stored := makeBatch(t, tc)
			tier := batch.orders[0].Tier()
			d := decide(batch, fresh, map[ticketing.TierKey]int64{tier: tc.left})
			settlements, err := settle(batch, d, stored)
			if err != nil {
				t.Fatal(err)
			}
			var sold int64
			for i, s := range settlements {
				_, wasKnown := tc.known[i]
				if s.State != tc.want[i] || s.New == wasKnown {
					t.Errorf("order %d: got %s new=%t, want %s new=%t", i, s.State, s.New, tc.want[i], !wasKnown)
				}
				if s.New && s.State == confirmed {
					sold += int64(tc.quantities[i])
				}
			}
			if d.soldByTier[tier] != sold {
				t.Errorf("sold %d, want %d", d.soldByTier[tier], sold)
			}
		})
	}
}

func makeBatch(t *testing.T, tc decisionCase) (orderBatch, map[uuid.UUID]bool, map[uuid.UUID]ticketing.State) {
	t.Helper()
	fresh, stored := map[uuid.UUID]bool{}, map[uuid.UUID]ticketing.State{}
	var orders []ticketing.Order
	for i, quantity := range tc.quantities {
		key := uuid.New()
		orders = append(orders, ticketing.Order{
			ID: ticketing.OrderID(key.String()), EventID: "aurora", TierID: "general", Quantity: quantity,
		})
		if state, known := tc.known[i]; known {
			stored[key] = state
		} else {
			fresh[key] = true
		}
	}
	batch, err := newOrderBatch(orders)
	if err != nil {
		t.Fatal(err)
	}
	return batch, fresh, stored
}

// TestSettleOneOrderTwice: the first message of the two wrote it.
func TestSettleOneOrderTwice(t *testing.T) {
	t.Parallel()
	batch, fresh, stored := makeBatch(t, decisionCase{quantities: []int{1}})
	batch.orders, batch.keys = append(batch.orders, batch.orders[0]), append(batch.keys, batch.keys[0])
	d := decide(batch, fresh, map[ticketing.TierKey]int64{batch.orders[0].Tier(): 1})
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
