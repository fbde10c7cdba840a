package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func testCatalogRoundTrip(t *testing.T, l Ledger) {
	t.Helper()
	got := have[[]ticketing.Event](t)(l.Shop.Catalog(t.Context()))
	if diff := cmp.Diff(Catalog(), got); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
}

// testCatalogChanges: prices and limits change, and promo codes go.
func testCatalogChanges(t *testing.T, l Ledger) {
	t.Helper()
	changed := Catalog()
	changed[0].PromoCodes = nil
	changed[0].Tiers[0].Fee, changed[0].Tiers[0].TaxBasisPoints, changed[0].Tiers[0].MaxPerBuyer = 0, 0, 0
	changed[1].Tiers[0].Fee, changed[1].Tiers[0].TaxBasisPoints, changed[1].Tiers[0].MaxPerBuyer = 100, 10_000, 2
	changed[1].PromoCodes[0] = ticketing.PromoCode{Code: "LATE", AmountOff: 1, Tiers: []string{"general", "balcony"}}
	must(t, l.Opening.SaveCatalog(t.Context(), changed))
	if diff := cmp.Diff(changed, have[[]ticketing.Event](t)(l.Shop.Catalog(t.Context()))); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
}

func testCatalogGrows(t *testing.T, l Ledger) {
	t.Helper()
	changed := Catalog()[1:]
	changed[0].Name = "Aurora II"
	changed[0].Tiers = append(changed[0].Tiers[:1:1], ticketing.Tier{
		ID: "box", Name: "Box", Price: ticketing.Money{Amount: 9000, Currency: "EUR"}, Capacity: 8,
	})
	must(t, l.Opening.SaveCatalog(t.Context(), changed))
	got := have[[]ticketing.Event](t)(l.Shop.Catalog(t.Context()))
	var aurora ticketing.Event
	for _, e := range got {
		if e.ID == "aurora" {
			aurora = e
		}
	}
	if len(got) != 2 || aurora.Name != "Aurora II" || len(aurora.Tiers) != 3 {
		t.Errorf("want both events, Aurora renamed and with three tiers, got %+v", got)
	}
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{
		NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "box"}, 8), NewOrder(balcony, 1), NewOrder(pit, 1),
	}))
}

func testCapacityBelowSold(t *testing.T, l Ledger) {
	t.Helper()
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), newOrders(10, general, 1)))
	must(t, l.Opening.SaveCatalog(t.Context(), withCapacity(general, 10)))

	tooSmall := withCapacity(general, 9)
	tooSmall[0].Name = "renamed with it"
	err := l.Opening.SaveCatalog(t.Context(), tooSmall)
	if err == nil || !strings.Contains(err.Error(), general.String()) {
		t.Errorf("got %v, want an error that names %s", err, general)
	}
	if diff := cmp.Diff(withCapacity(general, 10), have[[]ticketing.Event](t)(l.Shop.Catalog(t.Context()))); diff != "" {
		t.Errorf("a refused catalog changed something (-want +got):\n%s", diff)
	}
}

func testCurrencyChange(t *testing.T, l Ledger) {
	t.Helper()
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{NewOrder(pit, 1)}))
	events := Catalog()
	events[1].Tiers[0].Price.Currency = "USD"
	must(t, l.Opening.SaveCatalog(t.Context(), events))
	events[0].Tiers[0].Price.Currency = "USD"
	if err := l.Opening.SaveCatalog(t.Context(), events); err == nil || !strings.Contains(err.Error(), pit.String()) {
		t.Errorf("got %v, want an error that names %s", err, pit)
	}
}

func testSales(t *testing.T, l Ledger) {
	t.Helper()
	orders := append(newOrders(3, general, 2), NewOrder(pit, 1), NewOrder(pit, capacityOf))
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), orders))
	got := have[[]report.TierSales](t)(l.Reports.SalesByTier(t.Context()))
	want := []report.TierSales{
		{EventID: "aurora", EventName: "Aurora", TierID: "balcony", Revenue: new(int64(0)), Currency: new("EUR")},
		{
			EventID: "aurora", EventName: "Aurora", TierID: "general", Orders: 3, Tickets: 6,
			Revenue: new(int64(27000)), Currency: new("EUR"),
		},
		{
			EventID: "boreas", EventName: "Boreas", TierID: "pit", Orders: 1, Tickets: 1,
			Revenue: new(int64(4500)), Currency: new("EUR"),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sales (-want +got):\n%s", diff)
	}
}

// testSalesNull: an order without a currency stands for a null in the books.
func testSalesNull(t *testing.T, l Ledger) {
	t.Helper()
	incomplete := func(tier ticketing.TierKey) ticketing.Order {
		order := NewOrder(tier, 2)
		order.Total.Currency = ""
		return order
	}
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{
		NewOrder(general, 1), incomplete(general), incomplete(pit),
	}))
	got := have[[]report.TierSales](t)(l.Reports.SalesByTier(t.Context()))
	got = slices.DeleteFunc(got, func(s report.TierSales) bool { return s.TierID == "balcony" })
	want := []report.TierSales{
		{
			EventID: "aurora", EventName: "Aurora", TierID: "general", Orders: 2, Tickets: 3,
			Revenue: new(int64(4500)), Currency: new("EUR"), Incomplete: 1,
		},
		{EventID: "boreas", EventName: "Boreas", TierID: "pit", Orders: 1, Tickets: 2, Currency: new("EUR"), Incomplete: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sales (-want +got):\n%s", diff)
	}
}
