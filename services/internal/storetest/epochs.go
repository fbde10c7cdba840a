package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// testEpochs: one is open at most, and one that has ended never opens again.
func testEpochs(t *testing.T, l Ledger) {
	t.Helper()
	open := func(epoch, want string) {
		t.Helper()
		if got := have[string](t)(l.Opening.OpenEpoch(t.Context(), epoch)); got != want {
			t.Errorf("open %q: %q is open, want %q", epoch, got, want)
		}
	}
	open("", "")
	open(epochOne, epochOne)
	open(epochOne, epochOne)
	open(epochTwo, epochOne)
	open("", epochOne)
	for range 2 {
		must(t, l.Opening.EndEpoch(t.Context(), epochOne))
		open("", "")
		open(epochOne, "")
	}
	open(epochTwo, epochTwo)
	must(t, l.Opening.EndEpoch(t.Context(), "never-seen"))
	open("never-seen", epochTwo)
}

func testSold(t *testing.T, l Ledger) {
	t.Helper()
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{
		NewOrder(general, 3), NewOrder(general, 2), NewOrder(pit, capacityOf), NewOrder(pit, 1),
	}))
	want := map[ticketing.TierKey]int{general: 5, pit: capacityOf}
	if diff := cmp.Diff(want, have[map[ticketing.TierKey]int](t)(l.Opening.Sold(t.Context()))); diff != "" {
		t.Errorf("sold (-want +got):\n%s", diff)
	}
}

// testSettledPages: the pages have every order, once.
func testSettledPages(t *testing.T, l Ledger) {
	t.Helper()
	orders := append(newOrders(9, general, 1), NewOrder(pit, capacityOf+1))
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), orders))
	want := map[ticketing.OrderID]opening.Record{}
	for _, o := range orders {
		want[o.ID] = opening.Record{Order: o, State: ticketing.StateConfirmed}
	}
	want[orders[9].ID] = opening.Record{Order: orders[9], State: ticketing.StateRefused}

	got := map[ticketing.OrderID]opening.Record{}
	var last ticketing.OrderID
	for _, size := range []int{4, 4, 2, 0} {
		records := have[[]opening.Record](t)(l.Opening.Settled(t.Context(), last, 4))
		if len(records) != size {
			t.Fatalf("a page of %d orders, want %d", len(records), size)
		}
		for _, r := range records {
			if r.Order.ID <= last {
				t.Errorf("order %s comes after %s", r.Order.ID, last)
			}
			if r.Age < 0 || r.Age > time.Hour {
				t.Errorf("order %s was settled %s ago", r.Order.ID, r.Age)
			}
			r.Age = 0
			last = r.Order.ID
			got[last] = r
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ticketing.Order{}, "Epoch")); diff != "" {
		t.Errorf("settled orders (-want +got):\n%s", diff)
	}
}

// wantSettled checks how many orders the ledger has.
func wantSettled(t *testing.T, l Ledger, want int) {
	t.Helper()
	if got := len(have[[]opening.Record](t)(l.Opening.Settled(t.Context(), "", 1000))); got != want {
		t.Errorf("the ledger has %d orders, want %d", got, want)
	}
}
