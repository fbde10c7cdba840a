package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/consumer/overdue"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Pod is one pod's client of the arbiter.
type Pod interface {
	checkout.Reservations
	checkout.Cancellations
	checkout.Outbox
}

// Arbiter is one arbiter under test: an empty one, through all of its ports.
type Arbiter struct {
	Pod
	// NewPod returns the client of another pod.
	NewPod  func() Pod
	Ledger  fulfil.Projection
	Shelf   storefront.Shelf
	Stock   opening.Stock
	Overdue overdue.Arbiter
	Backlog report.Backlog
	// Listen returns what is announced to the node from now on, until the test ends.
	Listen func(t *testing.T, node string) <-chan []checkout.Settlement
	// SetEpoch puts the arbiter into another epoch, or closes the sale with "".
	SetEpoch func(t *testing.T, epoch string)
	// Forget loses all data.
	Forget func(t *testing.T)
	// Now returns the arbiter's own time.
	Now func(t *testing.T) time.Time
	// Elapse lets time pass for orders in the outbox, for accepted ones, and for the claim
	// of a rebuild.
	Elapse func(t *testing.T, d time.Duration)
}

const (
	epochOne, epochTwo = "epoch-1", "epoch-2"
	// roomyOutbox is the outbox limit of tests that are not about it.
	roomyOutbox = 10_000
)

// OpenArbiter returns an empty arbiter whose outbox takes as many orders as the limit.
type OpenArbiter func(t *testing.T, outboxLimit int) Arbiter

// run runs the tests side by side, each on an arbiter that is stocked with Catalog and open.
func (open OpenArbiter) run(t *testing.T, tests map[string]func(*testing.T, Arbiter)) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t, roomyOutbox)
			OpenSale(t, a.Stock, epochOne, Catalog())
			test(t, a)
		})
	}
}

// RunReservations checks what checkout.Reservations promises.
func RunReservations(t *testing.T, open OpenArbiter) {
	t.Helper()
	open.run(t, map[string]func(*testing.T, Arbiter){
		"reserve holds seats":                      testReserve,
		"replay and reused key":                    testReplay,
		"known order while the sale is paused":     testKnownWhilePaused,
		"refusals leave nothing":                   testRefusals,
		"epoch fences a pod once":                  testEpoch,
		"accept moves forward only":                testAccept,
		"accept many, in any number":               testAcceptMany,
		"settle before accept":                     testSettleBeforeAccept,
		"lookup of an unknown order":               testLookupUnknownOrder,
		"data lost":                                testForget,
		"free tickets and the largest order":       testExtremes,
		"order that cannot be is refused unstored": testImpossibleOrder,
	})
	t.Run("outbox limit", func(t *testing.T) {
		t.Parallel()
		testOutboxLimit(t, open)
	})
}

func testReserve(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 3)
	outcome := reserve(t, a, order)
	record := checkout.Record{Order: order, State: ticketing.StatePending}
	if diff := cmp.Diff(checkout.Outcome{Verdict: checkout.Reserved, Record: record}, outcome); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(record, have[checkout.Record](t)(a.Lookup(t.Context(), order.ID))); diff != "" {
		t.Errorf("lookup (-want +got):\n%s", diff)
	}
	shelf := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context()))
	if shelf.Stock[general] != capacityOf-3 || shelf.Stock[balcony] != capacityOf || shelf.Outbox != 1 {
		t.Errorf("stock %v, outbox %d: want 3 seats of %s gone and 1 order waiting", shelf.Stock, shelf.Outbox, general)
	}
}

func testReplay(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 2)
	reserve(t, a, order)
	for _, step := range []struct {
		advance func() error
		want    ticketing.State
	}{
		{func() error { return nil }, ticketing.StatePending},
		{func() error { return a.Accept(t.Context(), order.ID) }, ticketing.StateAccepted},
		{func() error { return a.Ledger.Settle(t.Context(), confirmed(order)) }, ticketing.StateConfirmed},
	} {
		must(t, step.advance())
		want := checkout.Outcome{Verdict: checkout.Known, Record: checkout.Record{Order: order, State: step.want}}
		if diff := cmp.Diff(want, reserve(t, a, order)); diff != "" {
			t.Errorf("replay (-want +got):\n%s", diff)
		}
		other := have[checkout.Outcome](t)(a.Reserve(t.Context(), checkout.Reservation{Order: order, Fingerprint: "another"}))
		if other.Verdict != checkout.KeyReused {
			t.Errorf("another fingerprint: got verdict %d, want KeyReused", other.Verdict)
		}
	}
	wantStock(t, a, general, capacityOf-2)
}

func testKnownWhilePaused(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 2)
	reserve(t, a, order)
	a.SetEpoch(t, "")
	wantVerdict(t, a, order, checkout.Known)
	wantVerdict(t, a, NewOrder(general, 2), checkout.SalePaused)
}

func testRefusals(t *testing.T, a Arbiter) {
	t.Helper()
	wantVerdict(t, a, NewOrder(general, capacityOf), checkout.Reserved)
	soldOut := NewOrder(general, 1)
	unknown := NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "nowhere"}, 1)
	wantVerdict(t, a, soldOut, checkout.SoldOut)
	wantVerdict(t, a, NewOrder(balcony, capacityOf+1), checkout.SoldOut)
	wantVerdict(t, a, unknown, checkout.NotOnSale)
	for _, order := range []ticketing.Order{soldOut, unknown} {
		if _, err := a.Lookup(t.Context(), order.ID); !errors.Is(err, checkout.ErrNotFound) {
			t.Errorf("lookup of a refused order: got %v, want ErrNotFound", err)
		}
	}
	shelf := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context()))
	if shelf.Outbox != 1 || shelf.Stock[general] != 0 || shelf.Stock[balcony] != capacityOf {
		t.Errorf("a refusal left something: stock %v, outbox %d", shelf.Stock, shelf.Outbox)
	}
}

func testOutboxLimit(t *testing.T, open OpenArbiter) {
	t.Helper()
	a := open(t, 2)
	OpenSale(t, a.Stock, epochOne, Catalog())
	first, second := NewOrder(general, 1), NewOrder(general, 1)
	wantVerdict(t, a, first, checkout.Reserved)
	wantVerdict(t, a, second, checkout.Reserved)
	wantVerdict(t, a, NewOrder(general, 1), checkout.OutboxFull)
	wantVerdict(t, a, first, checkout.Known)
	must(t, a.Accept(t.Context(), first.ID))
	wantVerdict(t, a, NewOrder(general, 1), checkout.Reserved)
}

func testEpoch(t *testing.T, a Arbiter) {
	t.Helper()
	wantVerdict(t, a, NewOrder(general, 1), checkout.Reserved)
	a.SetEpoch(t, epochTwo)
	refused := NewOrder(general, 1)
	wantVerdict(t, a, refused, checkout.SalePaused)
	wantVerdict(t, a, refused, checkout.Reserved)

	newcomer := have[checkout.Outcome](t)(a.NewPod().Reserve(t.Context(), reservation(NewOrder(general, 1))))
	if newcomer.Verdict != checkout.Reserved {
		t.Errorf("a pod that has just started: got verdict %d, want Reserved", newcomer.Verdict)
	}
}

func testAccept(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 1)
	reserve(t, a, order)
	for range 2 {
		must(t, a.Accept(t.Context(), order.ID, "unknown"))
		wantState(t, a, order, ticketing.StateAccepted)
	}
	wantOutbox(t, a, 0)
	must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
	must(t, a.Accept(t.Context(), order.ID))
	wantState(t, a, order, ticketing.StateConfirmed)
}

func testAcceptMany(t *testing.T, a Arbiter) {
	t.Helper()
	must(t, a.Accept(t.Context()))
	must(t, a.Stock.Stock(t.Context(), withCapacity(general, 2000)))
	orders := newOrders(1200, general, 1)
	for _, o := range orders {
		reserve(t, a, o)
	}
	must(t, a.Accept(t.Context(), ids(orders...)...))
	wantOutbox(t, a, 0)
	wantState(t, a, orders[0], ticketing.StateAccepted)
	wantState(t, a, orders[len(orders)-1], ticketing.StateAccepted)
}

func testSettleBeforeAccept(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 1)
	reserve(t, a, order)
	must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
	wantState(t, a, order, ticketing.StateConfirmed)
	wantOutbox(t, a, 0)
	must(t, a.Accept(t.Context(), order.ID))
	wantState(t, a, order, ticketing.StateConfirmed)
	wantOutbox(t, a, 0)
}

func testLookupUnknownOrder(t *testing.T, a Arbiter) {
	t.Helper()
	if _, err := a.Lookup(t.Context(), NewOrder(general, 1).ID); !errors.Is(err, checkout.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func testForget(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 1)
	reserve(t, a, order)
	a.Forget(t)
	wantVerdict(t, a, order, checkout.SalePaused)
	if epoch := have[string](t)(a.Stock.Epoch(t.Context())); epoch != "" {
		t.Errorf("epoch: got %q, want none", epoch)
	}
	must(t, a.Accept(t.Context(), order.ID))
	must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
	if pending := have[[]report.Pending](t)(a.Backlog.Pending(t.Context())); len(pending) != 0 {
		t.Errorf("pending: got %v, want none", pending)
	}
}

func testExtremes(t *testing.T, a Arbiter) {
	t.Helper()
	free, dear := NewOrder(general, 1), NewOrder(balcony, capacityOf)
	free.Total.Amount, dear.Total.Amount = 0, 1<<62
	for _, order := range []ticketing.Order{free, dear} {
		wantVerdict(t, a, order, checkout.Reserved)
		must(t, a.Ledger.Settle(t.Context(), confirmed(order)))
		wantState(t, a, order, ticketing.StateConfirmed)
	}
	if pending := have[[]report.Pending](t)(a.Backlog.Pending(t.Context())); len(pending) != 0 {
		t.Errorf("pending: got %v, want none", pending)
	}
}

func testImpossibleOrder(t *testing.T, a Arbiter) {
	t.Helper()
	for name, spoil := range map[string]func(*ticketing.Order){
		"no seats":       func(o *ticketing.Order) { o.Quantity = 0 },
		"fewer than one": func(o *ticketing.Order) { o.Quantity = -1 },
		"negative total": func(o *ticketing.Order) { o.Total.Amount = -1 },
	} {
		order := NewOrder(general, 1)
		spoil(&order)
		if _, err := a.Reserve(t.Context(), reservation(order)); !errors.Is(err, checkout.ErrUnavailable) {
			t.Errorf("%s: got %v, want an error that says that nothing happened", name, err)
		}
	}
	wantStock(t, a, general, capacityOf)
}

func reservation(o ticketing.Order) checkout.Reservation {
	return checkout.Reservation{Order: o, Fingerprint: fmt.Sprintf("%s x %d", o.Tier(), o.Quantity)}
}

func reserve(t *testing.T, a Arbiter, o ticketing.Order) checkout.Outcome {
	t.Helper()
	return have[checkout.Outcome](t)(a.Reserve(t.Context(), reservation(o)))
}

func confirmed(orders ...ticketing.Order) []fulfil.Settlement {
	return settled(ticketing.StateConfirmed, orders...)
}

func settled(state ticketing.State, orders ...ticketing.Order) []fulfil.Settlement {
	all := make([]fulfil.Settlement, len(orders))
	for i, o := range orders {
		all[i] = fulfil.Settlement{Order: o, State: state, New: true}
	}
	return all
}

func wantVerdict(t *testing.T, a Arbiter, o ticketing.Order, want checkout.Verdict) {
	t.Helper()
	if got := reserve(t, a, o).Verdict; got != want {
		t.Errorf("reserve %d of %s: got verdict %d, want %d", o.Quantity, o.Tier(), got, want)
	}
}

func wantState(t *testing.T, a Arbiter, o ticketing.Order, want ticketing.State) {
	t.Helper()
	if got := have[checkout.Record](t)(a.Lookup(t.Context(), o.ID)).State; got != want {
		t.Errorf("state of %s: got %s, want %s", o.ID, got, want)
	}
}

func wantStock(t *testing.T, a Arbiter, tier ticketing.TierKey, want int) {
	t.Helper()
	if got := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context())).Stock[tier]; got != want {
		t.Errorf("stock of %s: got %d, want %d", tier, got, want)
	}
}

func wantOutbox(t *testing.T, a Arbiter, want int) {
	t.Helper()
	if got := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context())).Outbox; got != want {
		t.Errorf("outbox: got %d orders, want %d", got, want)
	}
}
