package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// ledgerCancelTests are what RunLedger checks of cancellations.
func ledgerCancelTests() map[string]func(*testing.T, Ledger) {
	return map[string]func(*testing.T, Ledger){
		"cancel gives the seats back once":       testLedgerCancel,
		"cancel before its order":                testLedgerCancelFirst,
		"order and cancel in one batch":          testLedgerCancelSameBatch,
		"cancel of a refused order":              testLedgerCancelRefused,
		"seats come back for others":             testLedgerCancelForOthers,
		"cancel and the capacity of a tier":      testLedgerCancelCapacity,
		"cancel drops an unsent confirmation":    testLedgerCancelEmails,
		"parallel commits of orders and cancels": testLedgerCancelParallel,
	}
}

func testLedgerCancel(t *testing.T, l Ledger) {
	t.Helper()
	order, other := NewOrder(general, 3), NewOrder(general, 2)
	commitAll(t, l, order, other)
	for _, wantNew := range []bool{true, false} {
		wantSettlements(t, commitAll(t, l, cancelled(order)), fulfil.Settlement{
			Order: cancelled(order), State: ticketing.StateCancelled, New: wantNew,
		})
	}
	wantSettlements(t, commitAll(t, l, order), fulfil.Settlement{Order: order, State: ticketing.StateCancelled})
	want := checkout.Record{Order: cancelled(order), State: ticketing.StateCancelled}
	want.Order.Epoch = "" // the books do not keep it
	if diff := cmp.Diff(want, have[checkout.Record](t)(l.Orders.Lookup(t.Context(), order.ID))); diff != "" {
		t.Errorf("lookup (-want +got):\n%s", diff)
	}
	if tickets := ticketsOf(t, l, general); tickets != 2 {
		t.Errorf("tickets: got %d, want the other order's 2", tickets)
	}
	wantStates(t, commitAll(t, l, newOrders(99, general, 1)...), 98, ticketing.StateConfirmed)
}

func testLedgerCancelFirst(t *testing.T, l Ledger) {
	t.Helper()
	order := NewOrder(general, capacityOf)
	for _, wantNew := range []bool{true, false} {
		wantSettlements(t, commitAll(t, l, cancelled(order)), fulfil.Settlement{
			Order: cancelled(order), State: ticketing.StateCancelled, New: wantNew,
		})
	}
	wantSettlements(t, commitAll(t, l, order), fulfil.Settlement{Order: order, State: ticketing.StateCancelled})
	if tickets := ticketsOf(t, l, general); tickets != 0 {
		t.Errorf("tickets: got %d, want none", tickets)
	}
	wantStates(t, commitAll(t, l, NewOrder(general, capacityOf)), 1, ticketing.StateConfirmed)
	wantEmails(t, l, order.ID, notify.KindCancellation)
}

// testLedgerCancelSameBatch: whichever comes first, the order is written once, as CANCELLED.
func testLedgerCancelSameBatch(t *testing.T, l Ledger) {
	t.Helper()
	for _, batch := range [][2]func(ticketing.Order) ticketing.Order{{plain, cancelled}, {cancelled, plain}} {
		order := NewOrder(general, capacityOf)
		settlements := commitAll(t, l, batch[0](order), batch[1](order), NewOrder(pit, 1))
		wantSettlements(t, settlements[:2],
			fulfil.Settlement{Order: cancelled(order), State: ticketing.StateCancelled, New: true},
			fulfil.Settlement{Order: cancelled(order), State: ticketing.StateCancelled})
		if tickets := ticketsOf(t, l, general); tickets != 0 {
			t.Errorf("tickets: got %d, want none", tickets)
		}
		wantEmails(t, l, order.ID, notify.KindCancellation)
	}
}

func testLedgerCancelRefused(t *testing.T, l Ledger) {
	t.Helper()
	order := NewOrder(general, capacityOf+1)
	commitAll(t, l, order)
	wantSettlements(t, commitAll(t, l, cancelled(order)), fulfil.Settlement{Order: cancelled(order), State: ticketing.StateRefused})
	wantStates(t, commitAll(t, l, newOrders(capacityOf, general, 1)...), capacityOf, ticketing.StateConfirmed)
	wantStates(t, commitAll(t, l, NewOrder(general, 1)), 1, ticketing.StateRefused)
	wantEmails(t, l, order.ID, notify.KindRefusal)
}

// testLedgerCancelForOthers: a full tier; what a batch gives back, it may sell again,
// whichever comes first in it.
func testLedgerCancelForOthers(t *testing.T, l Ledger) {
	t.Helper()
	first, second := NewOrder(general, capacityOf/2), NewOrder(general, capacityOf/2)
	commitAll(t, l, first, second)
	wantStates(t, commitAll(t, l, cancelled(first), NewOrder(general, capacityOf/2))[1:], 1, ticketing.StateConfirmed)
	wantStates(t, commitAll(t, l, NewOrder(general, capacityOf/2), cancelled(second))[:1], 1, ticketing.StateConfirmed)
	wantStates(t, commitAll(t, l, NewOrder(general, 1)), 1, ticketing.StateRefused)
	if tickets := ticketsOf(t, l, general); tickets != capacityOf {
		t.Errorf("tickets: got %d, want %d", tickets, capacityOf)
	}
}

func testLedgerCancelCapacity(t *testing.T, l Ledger) {
	t.Helper()
	order := NewOrder(general, 10)
	commitAll(t, l, order)
	if err := l.Opening.SaveCatalog(t.Context(), withCapacity(general, 9)); err == nil {
		t.Error("shrank below what is sold")
	}
	commitAll(t, l, cancelled(order))
	must(t, l.Opening.SaveCatalog(t.Context(), withCapacity(general, 9)))
	wantStates(t, commitAll(t, l, NewOrder(general, 9)), 1, ticketing.StateConfirmed)
}

// testLedgerCancelEmails: whoever has not been told of the confirmation is told of the
// cancellation only, so that the two cannot arrive in the wrong order.
func testLedgerCancelEmails(t *testing.T, l Ledger) {
	t.Helper()
	told, untold := NewOrder(general, 1), NewOrder(general, 1)
	commitAll(t, l, told)
	confirmation := notify.EmailID{OrderID: told.ID, Kind: notify.KindConfirmation}
	if claimed := claimEmails(t, l, 10); len(claimed) != 1 || claimed[0].ID != confirmation {
		t.Fatalf("claimed %v, want the confirmation", claimed)
	}
	must(t, l.Emails.MarkSent(t.Context(), []notify.EmailID{confirmation}))
	commitAll(t, l, untold)
	for range 2 {
		commitAll(t, l, cancelled(told), cancelled(untold))
	}
	claimed := claimEmails(t, l, 10)
	if len(claimed) != 2 {
		t.Errorf("%d e-mails, want 2", len(claimed))
	}
	for _, e := range claimed {
		if e.ID.Kind != notify.KindCancellation || e.EventName != "Aurora" || e.Order.Quantity != 1 {
			t.Errorf("got %+v, want a cancellation", e)
		}
	}
}

// testLedgerCancelParallel: six consumers with the same orders and their cancellations,
// in any order; each order is cancelled once, and sold or not before.
func testLedgerCancelParallel(t *testing.T, l Ledger) {
	t.Helper()
	orders := newOrders(30, general, 1)
	var group sync.WaitGroup
	var mu sync.Mutex
	times := map[ticketing.OrderID]int{}
	commit := func(batch []ticketing.Order) {
		var settlements []fulfil.Settlement
		repeat(t, func() (err error) {
			settlements, err = l.Commit(t.Context(), batch)
			return err
		})
		mu.Lock()
		defer mu.Unlock()
		for _, s := range settlements {
			if s.New && s.State == ticketing.StateCancelled {
				times[s.Order.ID]++
			}
		}
	}
	halves := [2][]ticketing.Order{slices.Clone(orders), slices.Clone(orders)}
	for i := range orders {
		halves[i%2][i].Cancelled = true
	}
	for worker := range 6 {
		group.Go(func() {
			commit(halves[worker%2])
			commit(halves[1-worker%2])
		})
	}
	group.Wait()
	for _, o := range orders {
		record := have[checkout.Record](t)(l.Orders.Lookup(t.Context(), o.ID))
		if record.State != ticketing.StateCancelled || times[o.ID] > 1 {
			t.Errorf("order %s is %s and was cancelled %d times", o.ID, record.State, times[o.ID])
		}
	}
	wantStates(t, commitAll(t, l, newOrders(capacityOf+1, general, 1)...), capacityOf, ticketing.StateConfirmed)
}

func plain(o ticketing.Order) ticketing.Order { return o }

func commitAll(t *testing.T, l Ledger, orders ...ticketing.Order) []fulfil.Settlement {
	t.Helper()
	return have[[]fulfil.Settlement](t)(l.Commit(t.Context(), orders))
}

func wantSettlements(t *testing.T, got []fulfil.Settlement, want ...fulfil.Settlement) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settlements (-want +got):\n%s", diff)
	}
}

// wantStates checks how many of the settlements have the state.
func wantStates(t *testing.T, got []fulfil.Settlement, want int, state ticketing.State) {
	t.Helper()
	n := 0
	for _, s := range got {
		if s.State == state {
			n++
		}
	}
	if n != want {
		t.Errorf("%d of %d orders are %s, want %d", n, len(got), state, want)
	}
}

// wantEmails claims what is due and checks which e-mails are the order's.
func wantEmails(t *testing.T, l Ledger, id ticketing.OrderID, want ...notify.Kind) {
	t.Helper()
	var kinds []notify.Kind
	for _, e := range claimEmails(t, l, 1000) {
		if e.ID.OrderID == id {
			kinds = append(kinds, e.ID.Kind)
		}
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("e-mails (-want +got):\n%s", diff)
	}
}
