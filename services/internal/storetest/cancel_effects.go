package storetest

import (
	"sync"
	"testing"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// testCancelLimits: what an order counts against limits is given back with its seats,
// once, also by one that the arbiter had forgotten.
func testCancelLimits(t *testing.T, a Arbiter) {
	t.Helper()
	must(t, a.Stock.Stock(t.Context(), limitedCatalog(nil)))
	order, lost := NewOrder(general, perBuyer-1), NewOrder(general, 1)
	order.PromoCode, lost.PromoCode = "LAUNCH", "LAUNCH"
	reserve(t, a, order)
	for range 2 {
		wantCancel(t, a, order, checkout.CancelWaiting)
		wantVerdict(t, a, NewOrder(general, 2), checkout.BuyerLimit)
	}
	for range 2 {
		must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)))
	}
	wantVerdict(t, a, NewOrder(general, perBuyer), checkout.Reserved)
	request := forgotten(t, a, lost)
	have[checkout.CancelOutcome](t)(a.Cancel(t.Context(), request))
	wantVerdict(t, a, NewOrder(general, 1), checkout.BuyerLimit)
	for range 2 {
		must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, lost)))
	}
	wantVerdict(t, a, NewOrder(general, 1), checkout.Reserved)
	wantVerdict(t, a, NewOrder(general, 1), checkout.BuyerLimit)
}

// testCancelReminder: a cancellation that the broker has and that is never settled comes
// back as one, in whatever state its order was.
func testCancelReminder(t *testing.T, a Arbiter) {
	t.Helper()
	accepted, confirmedOne := NewOrder(general, 1), NewOrder(general, 1)
	reserve(t, a, accepted)
	reserve(t, a, confirmedOne)
	must(t, a.Accept(t.Context(), accepted.ID, confirmedOne.ID))
	must(t, a.Ledger.Settle(t.Context(), confirmed(confirmedOne)))
	wantCancel(t, a, accepted, checkout.CancelWaiting)
	wantCancel(t, a, confirmedOne, checkout.CancelWaiting)
	a.Elapse(t, claimAge)
	wantReminded(t, a, 0) // they are in the outbox
	must(t, a.AcceptCancel(t.Context(), accepted.ID, confirmedOne.ID))
	a.Elapse(t, claimAge)
	wantReminded(t, a, 2)
	wantCancel(t, a, accepted, checkout.CancelWaiting)
	if claimed := claim(t, a, 10); len(claimed) != 2 || !claimed[0].Cancelled || !claimed[1].Cancelled || claimed[0].Epoch != epochOne {
		t.Errorf("claimed %+v, want both cancellations", claimed)
	}
	must(t, a.AcceptCancel(t.Context(), accepted.ID, confirmedOne.ID))
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, accepted, confirmedOne)))
	a.Elapse(t, claimAge)
	wantReminded(t, a, 0)
	must(t, a.AcceptCancel(t.Context(), accepted.ID)) // a confirm that comes late
	a.Elapse(t, claimAge)
	wantReminded(t, a, 0)
	wantOutbox(t, a, 0)
}

// testCancelAtOnce: 100 buyers' clicks on one order, and as many settlements.
func testCancelAtOnce(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 3)
	reserve(t, a, order)
	must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
	pods := []Pod{a.Pod, a.NewPod(), a.NewPod()}
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			repeat(t, func() error {
				_, err := pods[i%len(pods)].Cancel(t.Context(), checkout.Cancellation{Order: order})
				return err
			})
			repeat(t, func() error { return a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)) })
		})
	}
	group.Wait()
	wantStock(t, a, general, capacityOf)
	wantOutbox(t, a, 0)
	wantPending(t, a)
}

// testCancelAnyOrder: whatever the sequence of steps, an order whose cancellation is
// settled has its seats back once, and nothing stays pending or in the outbox.
func testCancelAnyOrder(t *testing.T, a Arbiter) {
	t.Helper()
	var group sync.WaitGroup
	for _, order := range newOrders(30, general, 2) {
		group.Go(func() {
			persist(t, a.Pod, order)
			steps := []func() error{
				func() error { return a.Accept(t.Context(), order.ID) },
				func() error { return a.AcceptCancel(t.Context(), order.ID) },
				func() error { return a.Ledger.Settle(t.Context(), confirmed(order)) },
				func() error { return a.Ledger.Settle(t.Context(), settled(ticketing.StateCancelled, order)) },
				func() error {
					_, err := a.Cancel(t.Context(), checkout.Cancellation{Order: order})
					return err
				},
			}
			var running sync.WaitGroup
			for range 2 {
				for _, step := range steps {
					running.Go(func() { repeat(t, step) })
				}
			}
			running.Wait()
		})
	}
	group.Wait()
	wantStock(t, a, general, capacityOf)
	wantPending(t, a)
	wantOutbox(t, a, 0)
}
