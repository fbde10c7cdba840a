package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// RunCancellations checks what checkout.Cancellations, checkout.Outbox and
// fulfil.Projection promise about orders that are cancelled.
func RunCancellations(t *testing.T, open OpenArbiter) {
	t.Helper()
	open.run(t, map[string]func(*testing.T, Arbiter){
		"pending, accepted and confirmed":         testCancelEachState,
		"refused":                                 testCancelRefused,
		"unknown":                                 testCancelUnknown,
		"forgotten":                               testCancelForgotten,
		"forgotten, in another epoch":             testCancelForgottenEpoch,
		"replayed purchase":                       testReplayCancelled,
		"while the sale is not open":              testCancelWhilePaused,
		"outbox holds the order, then its cancel": testCancelOutbox,
		"settled as confirmed in between":         testCancelBeforeCommit,
		"settled without a mark":                  testCancelUnmarked,
		"after data was lost":                     testCancelDataLost,
		"capacity shrinks and grows":              testCancelCapacity,
		"limits are given back":                   testCancelLimits,
		"reminder until it is settled":            testCancelReminder,
		"100 at once give the seats back once":    testCancelAtOnce,
		"any order of steps":                      testCancelAnyOrder,
	})
	t.Run("outbox limit", func(t *testing.T) {
		t.Parallel()
		testCancelOutboxLimit(t, open)
	})
}

func testCancelEachState(t *testing.T, a Arbiter) {
	t.Helper()
	for _, advance := range []func(ticketing.Order){
		func(ticketing.Order) {},
		func(o ticketing.Order) { must(t, a.Accept(t.Context(), o.ID)) },
		func(o ticketing.Order) { must(t, a.Ledger.Settle(t.Context(), confirmed(o))) },
	} {
		order := NewOrder(general, 3)
		reserve(t, a, order)
		advance(order)
		for range 2 {
			wantCancel(t, a, order, checkout.CancelWaiting)
			want := checkout.Record{Order: cancelled(order), State: ticketing.StateCancelled}
			if diff := cmp.Diff(want, have[checkout.Record](t)(a.Lookup(t.Context(), order.ID))); diff != "" {
				t.Errorf("marked (-want +got):\n%s", diff)
			}
			wantStock(t, a, general, capacityOf-3) // not before the ledger has given them back
			wantOutbox(t, a, 1)
		}
		for range 2 {
			must(t, a.AcceptCancel(t.Context(), order.ID, "unknown"))
			wantOutbox(t, a, 0)
			wantCancel(t, a, order, checkout.CancelSent)
		}
		for range 3 {
			must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)))
			wantStock(t, a, general, capacityOf)
			wantPending(t, a)
			wantCancel(t, a, order, checkout.CancelSettled)
			wantOutbox(t, a, 0)
		}
		must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
		must(t, a.Accept(t.Context(), order.ID))
		wantState(t, a, order, ticketing.StateCancelled)
	}
}

func testCancelRefused(t *testing.T, a Arbiter) {
	t.Helper()
	before, after := NewOrder(general, 2), NewOrder(general, 2)
	reserve(t, a, before)
	reserve(t, a, after)
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateRefused, before)))
	wantCancel(t, a, before, checkout.CancelRefused)
	// The ledger refuses it after it was marked: nothing is left to be published.
	wantCancel(t, a, after, checkout.CancelWaiting)
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateRefused, after)))
	for _, o := range []ticketing.Order{before, after} {
		must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, o)))
		wantState(t, a, o, ticketing.StateRefused)
		wantCancel(t, a, o, checkout.CancelRefused)
	}
	wantStock(t, a, general, capacityOf-4)
	wantPending(t, a)
	wantOutbox(t, a, 0)
}

func testCancelUnknown(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 1)
	wantCancel(t, a, order, checkout.CancelNotKnown)
	must(t, a.AcceptCancel(t.Context(), order.ID))
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)))
	wantCancel(t, a, order, checkout.CancelNotKnown)
	wantStock(t, a, general, capacityOf)
	wantPending(t, a)
}

// testCancelForgotten: the arbiter takes back an order that it has forgotten, as
// CONFIRMED and marked, and gives its seats back like another's.
func testCancelForgotten(t *testing.T, a Arbiter) {
	t.Helper()
	reserve(t, a, NewOrder(general, 10))
	order := NewOrder(general, 3)
	request := forgotten(t, a, order)
	for range 2 {
		if v := have[checkout.CancelOutcome](t)(a.Cancel(t.Context(), request)); v != (checkout.CancelOutcome{Verdict: checkout.CancelWaiting, Epoch: epochOne}) {
			t.Fatalf("got %+v, want CancelWaiting in %s", v, epochOne)
		}
	}
	wantCancel(t, a, order, checkout.CancelWaiting)
	outcome := reserve(t, a, order)
	want := checkout.Outcome{
		Verdict: checkout.Known, Record: checkout.Record{Order: cancelled(order), State: ticketing.StateCancelled},
	}
	if diff := cmp.Diff(want, outcome); diff != "" {
		t.Errorf("replay (-want +got):\n%s", diff)
	}
	wantStock(t, a, general, capacityOf-10)
	for range 2 {
		must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)))
		wantStock(t, a, general, capacityOf-7)
	}
	if v := have[checkout.CancelOutcome](t)(a.Cancel(t.Context(), request)).Verdict; v != checkout.CancelSettled {
		t.Errorf("got verdict %d, want CancelSettled", v)
	}
	wantPending(t, a, report.Pending{Tier: general, Orders: 1, Tickets: 10, Revenue: ticketing.Money{Amount: 45000, Currency: "EUR"}})
}

// testCancelForgottenEpoch: the stock of another epoch may have the seats already.
func testCancelForgottenEpoch(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 3)
	request := forgotten(t, a, order)
	for _, epoch := range []string{epochTwo, ""} {
		a.SetEpoch(t, epoch)
		if v := have[checkout.CancelOutcome](t)(a.Cancel(t.Context(), request)).Verdict; v != checkout.CancelPaused {
			t.Errorf("epoch %q: got verdict %d, want CancelPaused", epoch, v)
		}
	}
	wantCancel(t, a, order, checkout.CancelNotKnown)
	wantOutbox(t, a, 0)
}

func testReplayCancelled(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 2)
	reserve(t, a, order)
	wantCancel(t, a, order, checkout.CancelWaiting)
	for _, advance := range []func() error{
		func() error { return nil },
		func() error { return a.Accept(t.Context(), order.ID) },
		func() error { return a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)) },
	} {
		must(t, advance())
		want := checkout.Record{Order: cancelled(order), State: ticketing.StateCancelled}
		if diff := cmp.Diff(checkout.Outcome{Verdict: checkout.Known, Record: want}, reserve(t, a, order)); diff != "" {
			t.Errorf("replay (-want +got):\n%s", diff)
		}
	}
	wantStock(t, a, general, capacityOf)
}

func testCancelWhilePaused(t *testing.T, a Arbiter) {
	t.Helper()
	marked, other := NewOrder(general, 1), NewOrder(general, 1)
	reserve(t, a, marked)
	reserve(t, a, other)
	wantCancel(t, a, marked, checkout.CancelWaiting)
	a.SetEpoch(t, "")
	wantCancel(t, a, marked, checkout.CancelWaiting)
	wantCancel(t, a, other, checkout.CancelPaused)
	wantState(t, a, other, ticketing.StatePending)
	if epoch := have[string](t)(a.Epoch(t.Context())); epoch != "" {
		t.Errorf("epoch: got %q, want none", epoch)
	}
}

// testCancelOutbox: an entry is one order; what it stands for is said when it is claimed,
// and only the confirm of that takes it out.
func testCancelOutbox(t *testing.T, a Arbiter) {
	t.Helper()
	order, plain := NewOrder(general, 1), NewOrder(general, 1)
	reserve(t, a, order)
	reserve(t, a, plain)
	a.Elapse(t, claimAge)
	must(t, a.AcceptCancel(t.Context(), plain.ID)) // nobody has cancelled it
	wantCancel(t, a, order, checkout.CancelWaiting)
	if diff := cmp.Diff([]ticketing.Order{plain}, claim(t, a, 10)); diff != "" {
		t.Errorf("a cancellation that has just come was claimed too (-want +got):\n%s", diff)
	}
	must(t, a.Accept(t.Context(), order.ID, plain.ID)) // the confirm of the order, not of its cancellation
	wantOutbox(t, a, 1)
	a.Elapse(t, claimAge)
	if diff := cmp.Diff([]ticketing.Order{cancelled(order)}, claim(t, a, 10)); diff != "" {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
	must(t, a.AcceptCancel(t.Context(), order.ID))
	wantOutbox(t, a, 0)
}

// testCancelBeforeCommit: the order's own commit is settled after it was marked.
func testCancelBeforeCommit(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 4)
	reserve(t, a, order)
	wantCancel(t, a, order, checkout.CancelWaiting)
	must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
	wantPending(t, a)
	wantState(t, a, order, ticketing.StateCancelled)
	wantStock(t, a, general, capacityOf-4)
	wantOutbox(t, a, 1) // the cancellation is still to be published
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)))
	wantStock(t, a, general, capacityOf)
	wantOutbox(t, a, 0)
	wantPending(t, a)
}

// testCancelUnmarked: the ledger's word is enough, whoever asked for it.
func testCancelUnmarked(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 4)
	reserve(t, a, order)
	must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
	for range 2 {
		must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)))
		wantStock(t, a, general, capacityOf)
	}
	wantCancel(t, a, order, checkout.CancelSettled)
	wantPending(t, a)
}

func testCancelDataLost(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 4)
	reserve(t, a, order)
	wantCancel(t, a, order, checkout.CancelWaiting)
	a.Forget(t)
	settle := func() {
		t.Helper()
		must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)))
	}
	settle()
	OpenSale(t, a.Stock, epochTwo, Catalog())
	settle()
	wantStock(t, a, general, capacityOf)
	wantPending(t, a)
	wantCancel(t, a, order, checkout.CancelNotKnown)
}

func testCancelCapacity(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 10)
	reserve(t, a, order)
	must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
	must(t, a.Stock.Stock(t.Context(), withCapacity(general, 10)))
	wantStock(t, a, general, 0)
	wantCancel(t, a, order, checkout.CancelWaiting)
	if err := a.Stock.Stock(t.Context(), withCapacity(general, 5)); err == nil {
		t.Error("shrank below what is sold before the ledger gave it back")
	}
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)))
	for _, capacity := range []int{10, 5, 20} {
		must(t, a.Stock.Stock(t.Context(), withCapacity(general, capacity)))
		wantStock(t, a, general, capacity)
	}
}

func testCancelOutboxLimit(t *testing.T, open OpenArbiter) {
	t.Helper()
	a := open(t, 2)
	OpenSale(t, a.Stock, epochOne, Catalog())
	sent, waiting, other := NewOrder(general, 1), NewOrder(general, 1), NewOrder(general, 1)
	reserve(t, a, sent)
	must(t, a.Accept(t.Context(), sent.ID))
	reserve(t, a, waiting)
	reserve(t, a, other)
	wantCancel(t, a, sent, checkout.CancelOutboxFull)
	wantState(t, a, sent, ticketing.StateAccepted)
	wantCancel(t, a, waiting, checkout.CancelWaiting) // in the place of its order
	must(t, a.AcceptCancel(t.Context(), waiting.ID))
	wantCancel(t, a, sent, checkout.CancelWaiting)
}

// forgotten returns the cancellation of an order that only the ledger has.
func forgotten(t *testing.T, a Arbiter, o ticketing.Order) checkout.Cancellation {
	t.Helper()
	return checkout.Cancellation{
		Order: o, Epoch: have[string](t)(a.Epoch(t.Context())), Fingerprint: reservation(o).Fingerprint,
	}
}

// cancelled returns the order as it is once it is marked.
func cancelled(o ticketing.Order) ticketing.Order {
	o.Cancelled = true
	return o
}

func wantCancel(t *testing.T, a Arbiter, o ticketing.Order, want checkout.CancelVerdict) {
	t.Helper()
	if got := have[checkout.CancelOutcome](t)(a.Cancel(t.Context(), checkout.Cancellation{Order: o})).Verdict; got != want {
		t.Errorf("cancel %s: got verdict %d, want %d", o.ID, got, want)
	}
}
