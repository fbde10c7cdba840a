package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// RunOutbox checks what checkout.Outbox promises.
func RunOutbox(t *testing.T, open OpenArbiter) {
	t.Helper()
	open.run(t, map[string]func(*testing.T, Arbiter){
		"claim waits for its age":             testClaimAge,
		"claim takes the oldest, up to limit": testClaimOldest,
		"claim passes by what is published":   testClaimPublished,
		"parallel claims":                     testClaimParallel,
		"reminder of what is not settled":     testRemind,
	})
}

const claimAge = 5 * time.Second

func testClaimAge(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 2)
	reserve(t, a, order)
	for round := range 3 {
		if early := claim(t, a, 10); len(early) != 0 {
			t.Errorf("round %d: claimed %d orders before their age", round, len(early))
		}
		a.Elapse(t, claimAge)
		if diff := cmp.Diff([]ticketing.Order{order}, claim(t, a, 10)); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", round, diff)
		}
	}
	wantOutbox(t, a, 1)
}

func testClaimOldest(t *testing.T, a Arbiter) {
	t.Helper()
	orders := newOrders(5, general, 1)
	for _, o := range orders {
		reserve(t, a, o)
		a.Elapse(t, time.Second)
	}
	a.Elapse(t, claimAge)
	if diff := cmp.Diff(ids(orders[:2]...), ids(claim(t, a, 2)...)); diff != "" {
		t.Errorf("first claim (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ids(orders[2:]...), ids(claim(t, a, 10)...)); diff != "" {
		t.Errorf("second claim (-want +got):\n%s", diff)
	}
}

func testClaimPublished(t *testing.T, a Arbiter) {
	t.Helper()
	accepted, settledOne, waiting := NewOrder(general, 1), NewOrder(general, 1), NewOrder(general, 1)
	for _, o := range []ticketing.Order{accepted, settledOne, waiting} {
		reserve(t, a, o)
	}
	must(t, a.Accept(t.Context(), accepted.ID))
	must(t, a.Ledger.Settle(t.Context(), confirmed(settledOne)))
	a.Elapse(t, claimAge)
	if diff := cmp.Diff(ids(waiting), ids(claim(t, a, 10)...)); diff != "" {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
}

func testClaimParallel(t *testing.T, a Arbiter) {
	t.Helper()
	for _, o := range newOrders(60, general, 1) {
		reserve(t, a, o)
	}
	a.Elapse(t, claimAge)
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[ticketing.OrderID]int{}
	for range 6 {
		group.Go(func() {
			for range 4 {
				orders, err := a.Claim(t.Context(), claimAge, 5)
				if err != nil {
					t.Errorf("claim: %v", err)
				}
				mu.Lock()
				for _, o := range orders {
					seen[o.ID]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was claimed %d times", id, times)
		}
	}
	if len(seen) != 60 {
		t.Errorf("claimed %d orders, want 60", len(seen))
	}
}

func claim(t *testing.T, a Arbiter, limit int) []ticketing.Order {
	t.Helper()
	return have[[]ticketing.Order](t)(a.Claim(t.Context(), claimAge, limit))
}

// testRemind: what was accepted and never settled comes back, once a reminder, as it was.
func testRemind(t *testing.T, a Arbiter) {
	t.Helper()
	overdue, settledOne, young := NewOrder(general, 1), NewOrder(general, 1), NewOrder(general, 1)
	reserve(t, a, overdue)
	reserve(t, a, settledOne)
	must(t, a.Accept(t.Context(), overdue.ID, settledOne.ID))
	must(t, a.Ledger.Settle(t.Context(), confirmed(settledOne)))
	wantReminded(t, a, 0)
	a.Elapse(t, claimAge)
	reserve(t, a, young)
	must(t, a.Accept(t.Context(), young.ID))
	wantReminded(t, a, 1)
	wantReminded(t, a, 0)
	wantState(t, a, overdue, ticketing.StateAccepted)
	if diff := cmp.Diff([]ticketing.Order{overdue}, claim(t, a, 10)); diff != "" {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
	must(t, a.Accept(t.Context(), overdue.ID))
	wantOutbox(t, a, 0)
	a.Elapse(t, claimAge)
	wantReminded(t, a, 2)
	must(t, a.Ledger.Settle(t.Context(), confirmed(overdue, young)))
	wantOutbox(t, a, 0)
}

func wantReminded(t *testing.T, a Arbiter, want int) {
	t.Helper()
	if got := have[int](t)(a.Overdue.Remind(t.Context(), claimAge, 10)); got != want {
		t.Errorf("reminded of %d orders, want %d", got, want)
	}
}
