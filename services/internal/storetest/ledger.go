package storetest

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Ledger is one ledger under test: an empty one, through all of its ports.
type Ledger struct {
	fulfil.Ledger
	Orders  checkout.Ledger
	Shop    storefront.Books
	Opening opening.Books
	Reports report.Books
	Emails  notify.Outbox
	// Elapse lets time pass for e-mails that wait.
	Elapse func(t *testing.T, d time.Duration)
}

// RunLedger checks what a ledger promises. open returns an empty ledger.
func RunLedger(t *testing.T, open func(t *testing.T) Ledger) {
	t.Helper()
	tests := map[string]func(*testing.T, Ledger){
		"commit confirms":                      testCommitConfirms,
		"an order without a broken down price": testCommitFirstForm,
		"commit twice writes once":             testCommitTwice,
		"one order twice in a batch":           testDuplicateInBatch,
		"capacity guard refuses what is over":  testCapacityGuard,
		"refusal is remembered":                testRefusalRemembered,
		"parallel commits sell each seat once": testParallelCommits,
		"parallel commits of the same orders":  testParallelSameOrders,
		"unknown tier rejects the whole batch": testUnknownTier,
		"content that can never be written":    testRejectedContent,
		"lookup of an unknown order":           testLookupUnknown,
		"ping":                                 testPing,
		"migrate is repeatable and concurrent": testMigrate,
		"catalog comes back as saved":          testCatalogRoundTrip,
		"catalog changes":                      testCatalogChanges,
		"catalog grows and loses nothing":      testCatalogGrows,
		"capacity below what is sold":          testCapacityBelowSold,
		"currency of a tier with sales":        testCurrencyChange,
		"total revenue by tier":                testSales,
		"null data in sales":                   testSalesNull,
		"e-mail for each decision":             testEmails,
		"e-mail lease":                         testEmailLease,
		"e-mail failures":                      testEmailFailures,
		"parallel claims of e-mails":           testEmailParallelClaims,
		"epochs open once, one at a time":      testEpochs,
		"seats sold by tier":                   testSold,
		"settled orders in pages":              testSettledPages,
	}
	maps.Copy(tests, ledgerCancelTests())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			must(t, l.Opening.Migrate(t.Context()))
			must(t, l.Opening.SaveCatalog(t.Context(), Catalog()))
			test(t, l)
		})
	}
}

func testCommitConfirms(t *testing.T, l Ledger) {
	t.Helper()
	orders := []ticketing.Order{NewOrder(general, 2), NewOrder(pit, 1), NewOrder(balcony, 4)}
	settlements := have[[]fulfil.Settlement](t)(l.Commit(t.Context(), orders))
	var want []fulfil.Settlement
	for _, o := range orders {
		want = append(want, fulfil.Settlement{Order: o, State: ticketing.StateConfirmed, New: true})
	}
	if diff := cmp.Diff(want, settlements); diff != "" {
		t.Errorf("settlements (-want +got):\n%s", diff)
	}
	for _, o := range orders {
		record := have[checkout.Record](t)(l.Orders.Lookup(t.Context(), o.ID))
		o.Epoch = "" // the books do not keep it
		if diff := cmp.Diff(checkout.Record{Order: o, State: ticketing.StateConfirmed}, record); diff != "" {
			t.Errorf("lookup (-want +got):\n%s", diff)
		}
	}
}

// testCommitFirstForm: an order of the first form is written, and comes back as it was.
func testCommitFirstForm(t *testing.T, l Ledger) {
	t.Helper()
	first, now := NewOrder(general, 2), NewOrder(general, 1)
	first.Price = ticketing.Price{}
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{first, now}))
	for _, o := range []ticketing.Order{first, now} {
		record := have[checkout.Record](t)(l.Orders.Lookup(t.Context(), o.ID))
		o.Epoch = ""
		if diff := cmp.Diff(checkout.Record{Order: o, State: ticketing.StateConfirmed}, record); diff != "" {
			t.Errorf("lookup (-want +got):\n%s", diff)
		}
	}
}

func testCommitTwice(t *testing.T, l Ledger) {
	t.Helper()
	orders := newOrders(20, general, 2)
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), orders[:10]))
	again := have[[]fulfil.Settlement](t)(l.Commit(t.Context(), orders))
	for i, s := range again {
		if wantNew := i >= 10; s.New != wantNew || s.State != ticketing.StateConfirmed || s.Order.ID != orders[i].ID {
			t.Errorf("settlement %d: got %s %s new=%t, want new=%t", i, s.Order.ID, s.State, s.New, wantNew)
		}
	}
	wantSettled(t, l, 20)
	if tickets := ticketsOf(t, l, general); tickets != 40 {
		t.Errorf("tickets: got %d, want 40", tickets)
	}
}

func testDuplicateInBatch(t *testing.T, l Ledger) {
	t.Helper()
	order := NewOrder(general, 3)
	settlements := have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{order, order}))
	want := []fulfil.Settlement{
		{Order: order, State: ticketing.StateConfirmed, New: true},
		{Order: order, State: ticketing.StateConfirmed},
	}
	if diff := cmp.Diff(want, settlements); diff != "" {
		t.Errorf("settlements (-want +got):\n%s", diff)
	}
	if tickets := ticketsOf(t, l, general); tickets != 3 {
		t.Errorf("tickets: got %d, want 3", tickets)
	}
}

// testCapacityGuard: 100 seats, 96 sold; of 3, 3, 1 and 1 the second does not fit, and
// takes nothing from those behind it.
func testCapacityGuard(t *testing.T, l Ledger) {
	t.Helper()
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), newOrders(24, general, 4)))
	batch := []ticketing.Order{NewOrder(general, 3), NewOrder(general, 3), NewOrder(pit, 1), NewOrder(general, 1), NewOrder(general, 1)}
	settlements := have[[]fulfil.Settlement](t)(l.Commit(t.Context(), batch))
	want := []ticketing.State{
		ticketing.StateConfirmed, ticketing.StateRefused, ticketing.StateConfirmed, ticketing.StateConfirmed, ticketing.StateRefused,
	}
	for i, s := range settlements {
		if s.State != want[i] || !s.New {
			t.Errorf("order %d of %d: got %s new=%t, want %s", i, batch[i].Quantity, s.State, s.New, want[i])
		}
	}
	if tickets := ticketsOf(t, l, general); tickets != capacityOf {
		t.Errorf("tickets: got %d, want %d", tickets, capacityOf)
	}
}

func testRefusalRemembered(t *testing.T, l Ledger) {
	t.Helper()
	order := NewOrder(general, capacityOf+1)
	for _, wantNew := range []bool{true, false} {
		settlements := have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{order}))
		if s := settlements[0]; s.State != ticketing.StateRefused || s.New != wantNew {
			t.Errorf("got %s new=%t, want REFUSED new=%t", s.State, s.New, wantNew)
		}
	}
	must(t, l.Opening.SaveCatalog(t.Context(), withCapacity(general, 2*capacityOf)))
	settlements := have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{order}))
	if s := settlements[0]; s.State != ticketing.StateRefused {
		t.Errorf("after the tier grew: got %s, want still REFUSED", s.State)
	}
}

// testParallelCommits: eight consumers, batches that touch the tiers in any order, 600
// orders for 300 seats.
func testParallelCommits(t *testing.T, l Ledger) {
	t.Helper()
	tiers := []ticketing.TierKey{general, balcony, pit}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for round := range 15 {
				batch := make([]ticketing.Order, 5)
				for i := range batch {
					batch[i] = NewOrder(tiers[(worker+round+i)%len(tiers)], 1)
				}
				repeat(t, func() error {
					_, err := l.Commit(t.Context(), batch)
					return err
				})
			}
		})
	}
	group.Wait()
	for _, tier := range tiers {
		if tickets := ticketsOf(t, l, tier); tickets != capacityOf {
			t.Errorf("%s: %d tickets, want %d", tier, tickets, capacityOf)
		}
	}
}

// testParallelSameOrders: whoever commits first writes; a commit whose answer was lost
// and that is repeated finds its own orders there.
func testParallelSameOrders(t *testing.T, l Ledger) {
	t.Helper()
	orders := newOrders(30, general, 1)
	var group sync.WaitGroup
	var mu sync.Mutex
	written := map[ticketing.OrderID]int{}
	for range 6 {
		group.Go(func() {
			var settlements []fulfil.Settlement
			repeat(t, func() (err error) {
				settlements, err = l.Commit(t.Context(), orders)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			for _, s := range settlements {
				if s.New {
					written[s.Order.ID]++
				}
			}
		})
	}
	group.Wait()
	for _, o := range orders {
		if written[o.ID] > 1 {
			t.Errorf("order %s was written %d times", o.ID, written[o.ID])
		}
	}
	if tickets := ticketsOf(t, l, general); tickets != 30 {
		t.Errorf("tickets: got %d, want 30", tickets)
	}
}

func testUnknownTier(t *testing.T, l Ledger) {
	t.Helper()
	good, bad := NewOrder(general, 1), NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "nowhere"}, 1)
	_, err := l.Commit(t.Context(), []ticketing.Order{good, bad})
	var rejected *fulfil.RejectedError
	if !errors.As(err, &rejected) || errors.Is(err, fulfil.ErrUnavailable) {
		t.Fatalf("got %v, want a RejectedError", err)
	}
	if _, err := l.Orders.Lookup(t.Context(), good.ID); !errors.Is(err, checkout.ErrNotFound) {
		t.Errorf("the good order of a rejected batch: got %v, want ErrNotFound", err)
	}
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{good}))
}

func testRejectedContent(t *testing.T, l Ledger) {
	t.Helper()
	for name, spoil := range map[string]func(*ticketing.Order){
		"id is not a UUID":      func(o *ticketing.Order) { o.ID = "one" },
		"id is not canonical":   func(o *ticketing.Order) { o.ID = ticketing.OrderID(strings.ToUpper(string(o.ID))) },
		"quantity is zero":      func(o *ticketing.Order) { o.Quantity = 0 },
		"fee is negative":       func(o *ticketing.Order) { o.Price.Fee = -1 },
		"total is negative":     func(o *ticketing.Order) { o.Total.Amount = -1 },
		"text holds a null":     func(o *ticketing.Order) { o.Buyer.Name = "a\x00b" },
		"quantity is too large": func(o *ticketing.Order) { o.Quantity = 1 << 40 },
	} {
		order := NewOrder(general, 1)
		spoil(&order)
		_, err := l.Commit(t.Context(), []ticketing.Order{order})
		var rejected *fulfil.RejectedError
		if !errors.As(err, &rejected) || errors.Is(err, fulfil.ErrUnavailable) {
			t.Errorf("%s: got %v, want a RejectedError", name, err)
		}
	}
	wantSettled(t, l, 0)
}

func testLookupUnknown(t *testing.T, l Ledger) {
	t.Helper()
	for _, id := range []ticketing.OrderID{NewOrder(general, 1).ID, "not-a-uuid"} {
		if _, err := l.Orders.Lookup(t.Context(), id); !errors.Is(err, checkout.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", id, err)
		}
	}
}

func testPing(t *testing.T, l Ledger) {
	t.Helper()
	must(t, l.Ping(t.Context()))
}

func testMigrate(t *testing.T, l Ledger) {
	t.Helper()
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if err := l.Opening.Migrate(t.Context()); err != nil {
				t.Errorf("migrate: %v", err)
			}
		})
	}
	group.Wait()
}

// ticketsOf returns how many tickets of the tier are sold, as the reports have it.
func ticketsOf(t *testing.T, l Ledger, tier ticketing.TierKey) int64 {
	t.Helper()
	for _, s := range have[[]report.TierSales](t)(l.Reports.SalesByTier(t.Context())) {
		if s.EventID == tier.EventID && s.TierID == tier.TierID {
			return s.Tickets
		}
	}
	t.Fatalf("no sales row for %s", tier)
	return 0
}
