package storetest

import (
	"cmp"
	"slices"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// RunProjection checks what fulfil.Projection and report.Backlog promise.
func RunProjection(t *testing.T, open OpenArbiter) {
	t.Helper()
	open.run(t, map[string]func(*testing.T, Arbiter){
		"settled is final":                   testSettledIsFinal,
		"refused seats do not come back":     testRefusedSeats,
		"state that is not final":            testSettleNotFinal,
		"one announcement a pod":             testAnnouncements,
		"pending counters":                   testPending,
		"pending counters under concurrency": testPendingConcurrent,
		"large batch":                        testSettleLargeBatch,
		"paused and resumed":                 testPaused,
		"nothing to settle":                  testSettleNothing,
	})
}

func testSettledIsFinal(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 1)
	reserve(t, a, order)
	must(t, a.Accept(t.Context(), order.ID))
	must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateRefused, order)))
	wantState(t, a, order, ticketing.StateConfirmed)
}

func testRefusedSeats(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 4)
	reserve(t, a, order)
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateRefused, order)))
	wantState(t, a, order, ticketing.StateRefused)
	wantStock(t, a, general, capacityOf-4)
}

func testSettleNotFinal(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 1)
	reserve(t, a, order)
	if err := a.Ledger.Settle(t.Context(), settled(ticketing.StateAccepted, order)); err == nil {
		t.Error("settled an order as ACCEPTED")
	}
	wantState(t, a, order, ticketing.StatePending)
}

func testAnnouncements(t *testing.T, a Arbiter) {
	t.Helper()
	prefix := t.Name() // Redis has one space of channels for all its databases
	first, second, third := NewOrder(general, 1), NewOrder(general, 1), NewOrder(pit, 1)
	first.Node, second.Node, third.Node = prefix+"-a", prefix+"-b", prefix+"-a"
	atA, atB := a.Listen(t, prefix+"-a"), a.Listen(t, prefix+"-b")
	reserve(t, a, first)
	// second and third are unknown to the arbiter: the pods are told all the same.
	batch := append(confirmed(first, second), settled(ticketing.StateRefused, third)...)
	must(t, a.Ledger.Settle(t.Context(), batch))

	wantA := []checkout.Settlement{
		{ID: first.ID, State: ticketing.StateConfirmed}, {ID: third.ID, State: ticketing.StateRefused},
	}
	if diff := gocmp.Diff(wantA, receive(t, atA, "announcement to a")); diff != "" {
		t.Errorf("announcement to a (-want +got):\n%s", diff)
	}
	wantB := []checkout.Settlement{{ID: second.ID, State: ticketing.StateConfirmed}}
	if diff := gocmp.Diff(wantB, receive(t, atB, "announcement to b")); diff != "" {
		t.Errorf("announcement to b (-want +got):\n%s", diff)
	}
}

func testPending(t *testing.T, a Arbiter) {
	t.Helper()
	first, second, third := NewOrder(general, 2), NewOrder(general, 3), NewOrder(pit, 1)
	for _, o := range []ticketing.Order{first, second, third, first} {
		reserve(t, a, o)
	}
	must(t, a.Accept(t.Context(), first.ID))
	wantPending(t, a,
		report.Pending{Tier: general, Orders: 2, Tickets: 5, Revenue: ticketing.Money{Amount: 22500, Currency: "EUR"}},
		report.Pending{Tier: pit, Orders: 1, Tickets: 1, Revenue: ticketing.Money{Amount: 4500, Currency: "EUR"}})
	for range 2 {
		must(t, a.Ledger.Settle(t.Context(), confirmed(first, third, NewOrder(balcony, 1))))
	}
	must(t, a.Accept(t.Context(), first.ID, third.ID))
	wantPending(t, a,
		report.Pending{Tier: general, Orders: 1, Tickets: 3, Revenue: ticketing.Money{Amount: 13500, Currency: "EUR"}})
	must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateRefused, second)))
	wantPending(t, a)
}

// testPendingConcurrent: whatever the order of steps, nothing stays pending.
func testPendingConcurrent(t *testing.T, a Arbiter) {
	t.Helper()
	var group sync.WaitGroup
	for range 50 {
		order := NewOrder(general, 1)
		group.Go(func() {
			persist(t, a.Pod, order)
			var steps sync.WaitGroup
			for range 2 {
				steps.Go(func() { repeat(t, func() error { return a.Accept(t.Context(), order.ID) }) })
				steps.Go(func() { repeat(t, func() error { return a.Ledger.Settle(t.Context(), confirmed(order)) }) })
			}
			steps.Wait()
		})
	}
	group.Wait()
	wantPending(t, a)
	wantOutbox(t, a, 0)
}

func testSettleLargeBatch(t *testing.T, a Arbiter) {
	t.Helper()
	must(t, a.Stock.Stock(t.Context(), withCapacity(general, 2000)))
	orders := newOrders(1100, general, 1)
	for _, o := range orders {
		reserve(t, a, o)
	}
	must(t, a.Ledger.Settle(t.Context(), confirmed(orders...)))
	wantPending(t, a)
	wantState(t, a, orders[len(orders)-1], ticketing.StateConfirmed)
}

func testPaused(t *testing.T, a Arbiter) {
	t.Helper()
	for _, paused := range []bool{true, true, false, false} {
		must(t, a.Ledger.SetPaused(t.Context(), paused))
		if got := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context())).ConsumerPaused; got != paused {
			t.Errorf("paused: got %t, want %t", got, paused)
		}
	}
}

func testSettleNothing(t *testing.T, a Arbiter) {
	t.Helper()
	must(t, a.Ledger.Settle(t.Context(), nil))
}

func wantPending(t *testing.T, a Arbiter, want ...report.Pending) {
	t.Helper()
	got := have[[]report.Pending](t)(a.Backlog.Pending(t.Context()))
	slices.SortFunc(got, func(x, y report.Pending) int { return cmp.Compare(x.Tier.String(), y.Tier.String()) })
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
}
