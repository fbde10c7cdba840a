package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// OpenSale opens an arbiter that has nothing in it.
func OpenSale(t *testing.T, stock opening.Stock, epoch string, events []ticketing.Event) {
	t.Helper()
	must(t, stock.Begin(t.Context(), "token", ""))
	must(t, stock.Open(t.Context(), opening.Sale{Token: "token", Epoch: epoch, Events: events}))
}

func testBeginWhileOpen(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 2)
	reserve(t, a, order)
	for _, stale := range []string{"", epochTwo} {
		if err := a.Stock.Begin(t.Context(), "late", stale); err == nil {
			t.Errorf("began a rebuild over epoch %s, taking %q for stale", epochOne, stale)
		}
	}
	if err := a.Stock.Open(t.Context(), opening.Sale{Token: "late", Epoch: epochTwo, Events: Catalog()}); err == nil {
		t.Error("opened without a rebuild")
	}
	wantEpoch(t, a, epochOne)
	wantStock(t, a, general, capacityOf-2)
	wantState(t, a, order, ticketing.StatePending)
}

// testRebuild: what the ledger has is known again, and its seats are gone.
func testRebuild(t *testing.T, a Arbiter) {
	t.Helper()
	confirmedOrder, refusedOrder, lost := NewOrder(general, 3), NewOrder(general, 200), NewOrder(balcony, 1)
	reserve(t, a, confirmedOrder)
	reserve(t, a, lost)
	a.Forget(t)

	must(t, a.Stock.Begin(t.Context(), "one", ""))
	wantVerdict(t, a, lost, checkout.SalePaused)
	must(t, a.Stock.Restore(t.Context(), "one", []opening.Record{
		{Order: confirmedOrder, State: ticketing.StateConfirmed}, {Order: refusedOrder, State: ticketing.StateRefused},
	}))
	wantVerdict(t, a, lost, checkout.SalePaused)
	must(t, a.Stock.Open(t.Context(), opening.Sale{
		Token: "one", Epoch: epochTwo, Events: Catalog(), Sold: map[ticketing.TierKey]int{general: 3},
	}))

	wantEpoch(t, a, epochTwo)
	for order, want := range map[ticketing.OrderID]ticketing.State{
		confirmedOrder.ID: ticketing.StateConfirmed, refusedOrder.ID: ticketing.StateRefused,
	} {
		if got := have[checkout.Record](t)(a.Lookup(t.Context(), order)).State; got != want {
			t.Errorf("order %s is %s, want %s", order, got, want)
		}
	}
	replay := checkout.Reservation{Order: confirmedOrder, Fingerprint: confirmedOrder.Fingerprint()}
	if got := have[checkout.Outcome](t)(a.Reserve(t.Context(), replay)); got.Verdict != checkout.Known {
		t.Errorf("a replay after the rebuild: got verdict %d, want Known", got.Verdict)
	}
	shelf := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context()))
	want := map[ticketing.TierKey]int{general: capacityOf - 3, balcony: capacityOf, pit: capacityOf}
	if diff := cmp.Diff(want, shelf.Stock); diff != "" || shelf.Outbox != 0 {
		t.Errorf("outbox %d, stock (-want +got):\n%s", shelf.Outbox, diff)
	}
	wantVerdict(t, a, lost, checkout.SalePaused) // the pod learns the new epoch
	wantVerdict(t, a, lost, checkout.Reserved)
	must(t, a.Stock.Stock(t.Context(), Catalog()))
	wantStock(t, a, general, capacityOf-3)
}

// testRebuildLimits: what is confirmed counts against limits after a rebuild, as before,
// and what was settled long ago counts although its key is forgotten.
func testRebuildLimits(t *testing.T, a Arbiter) {
	t.Helper()
	events := Catalog()
	events[0].Tiers[0].MaxPerBuyer, events[0].PromoCodes[1].MaxUses = 5, 2
	friends := func(email string, quantity int) ticketing.Order {
		o := NewOrder(pit, quantity)
		o.Buyer.Email, o.PromoCode = email, "FRIENDS-5"
		return o
	}
	old, late, refused := friends("ada@example.com", 2), friends("bob@example.com", 1), friends("ada@example.com", 4)
	a.Forget(t)
	must(t, a.Stock.Begin(t.Context(), "one", ""))
	must(t, a.Stock.Restore(t.Context(), "one", []opening.Record{
		{Order: old, State: ticketing.StateConfirmed, Age: 30 * 24 * time.Hour},
		{Order: late, State: ticketing.StateConfirmed, Age: time.Hour},
		{Order: refused, State: ticketing.StateRefused, Age: time.Hour},
	}))
	must(t, a.Stock.Open(t.Context(), opening.Sale{
		Token: "one", Epoch: epochOne, Events: events, Sold: map[ticketing.TierKey]int{pit: 3},
	}))
	if _, err := a.Lookup(t.Context(), old.ID); !errors.Is(err, checkout.ErrNotFound) {
		t.Errorf("an order of a month ago: got %v, want ErrNotFound", err)
	}
	wantState(t, a, late, ticketing.StateConfirmed)
	wantVerdict(t, a, friends("eve@example.com", 1), checkout.PromoUsedUp)
	ada := NewOrder(pit, 4)
	ada.PromoCode = ""
	wantVerdict(t, a, ada, checkout.BuyerLimit)
	ada.Quantity = 3
	wantVerdict(t, a, ada, checkout.Reserved)
}

func testRebuildStale(t *testing.T, a Arbiter) {
	t.Helper()
	old := NewOrder(general, 5)
	reserve(t, a, old)
	must(t, a.Stock.Begin(t.Context(), "one", epochOne))
	wantEpoch(t, a, "")
	wantVerdict(t, a, old, checkout.SalePaused)
	must(t, a.Stock.Open(t.Context(), opening.Sale{Token: "one", Epoch: epochTwo, Events: Catalog()}))
	wantStock(t, a, general, capacityOf)
	wantOutbox(t, a, 0)
	wantPending(t, a)
}

// testRebuildClaim: one rebuild at a time, for as long as it goes on; one whose claim has run
// out, or whose data is lost under it, changes nothing any more.
func testRebuildClaim(t *testing.T, a Arbiter) {
	t.Helper()
	a.Forget(t)
	must(t, a.Stock.Begin(t.Context(), "one", ""))
	for range 3 { // who has the claim keeps it
		a.Elapse(t, opening.ClaimFor*3/4)
		if err := a.Stock.Begin(t.Context(), "two", ""); !errors.Is(err, opening.ErrBusy) {
			t.Errorf("a second rebuild: got %v, want ErrBusy", err)
		}
		wantSuperseded(t, a, "two")
		must(t, a.Stock.Begin(t.Context(), "one", ""))
	}
	a.Elapse(t, opening.ClaimFor)
	wantSuperseded(t, a, "one")
	must(t, a.Stock.Begin(t.Context(), "two", ""))
	wantSuperseded(t, a, "one")
	must(t, a.Stock.Restore(t.Context(), "two", nil))
	must(t, a.Stock.Open(t.Context(), opening.Sale{Token: "two", Epoch: epochTwo, Events: Catalog()}))
	wantSuperseded(t, a, "two")
	wantEpoch(t, a, epochTwo)

	a.Forget(t)
	must(t, a.Stock.Begin(t.Context(), "three", ""))
	a.Forget(t)
	wantSuperseded(t, a, "three")
	wantEpoch(t, a, "")
}

// testRebuildAgain: what was restored before a rebuild began again is not counted twice.
func testRebuildAgain(t *testing.T, a Arbiter) {
	t.Helper()
	events := Catalog()
	events[0].Tiers[0].MaxPerBuyer = 5
	records := []opening.Record{{Order: NewOrder(pit, 3), State: ticketing.StateConfirmed}}
	records[0].Order.PromoCode = ""
	a.Forget(t)
	for range 2 {
		must(t, a.Stock.Begin(t.Context(), "one", ""))
		must(t, a.Stock.Restore(t.Context(), "one", records))
	}
	must(t, a.Stock.Open(t.Context(), opening.Sale{Token: "one", Epoch: epochOne, Events: events}))
	more := NewOrder(pit, 2)
	more.PromoCode = ""
	wantVerdict(t, a, more, checkout.Reserved)
}

func wantSuperseded(t *testing.T, a Arbiter, token string) {
	t.Helper()
	record := opening.Record{Order: NewOrder(general, 1), State: ticketing.StateConfirmed}
	if err := a.Stock.Restore(t.Context(), token, []opening.Record{record}); err == nil {
		t.Errorf("rebuild %q went on to restore", token)
	}
	if err := a.Stock.Open(t.Context(), opening.Sale{Token: token, Epoch: "epoch-late", Events: Catalog()}); err == nil {
		t.Errorf("rebuild %q went on to open", token)
	}
}

func testRebuildTooSmall(t *testing.T, a Arbiter) {
	t.Helper()
	a.Forget(t)
	must(t, a.Stock.Begin(t.Context(), "one", ""))
	must(t, a.Stock.Open(t.Context(), opening.Sale{
		Token: "one", Epoch: epochTwo, Events: withCapacity(general, 10), Sold: map[ticketing.TierKey]int{general: 12},
	}))
	wantStock(t, a, general, 0)
	wantStock(t, a, pit, capacityOf)
	must(t, a.Stock.Stock(t.Context(), withCapacity(general, 20)))
	wantStock(t, a, general, 8)
}

func wantEpoch(t *testing.T, a Arbiter, want string) {
	t.Helper()
	if got := have[string](t)(a.Stock.Epoch(t.Context())); got != want {
		t.Errorf("epoch: got %q, want %q", got, want)
	}
}
