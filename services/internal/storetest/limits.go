package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// perBuyer is what one buyer may hold of general in limitedCatalog.
	perBuyer = 4
	// promoUses is how many orders may use LAUNCH in limitedCatalog.
	promoUses = 7
)

// limitedCatalog returns Catalog with limits on Aurora: general is limited to perBuyer, and the
// promo code LAUNCH, for general and balcony, to promoUses. change may change the event.
func limitedCatalog(change func(*ticketing.Event)) []ticketing.Event {
	events := Catalog()
	aurora := &events[1]
	aurora.Tiers[0].MaxPerBuyer = perBuyer
	aurora.Tiers = append(aurora.Tiers, ticketing.Tier{ID: "box", Name: "Box", Price: aurora.Tiers[0].Price, Capacity: capacityOf})
	aurora.PromoCodes = append(aurora.PromoCodes, ticketing.PromoCode{
		Code: "LAUNCH", PercentOff: 50, MaxUses: promoUses, Tiers: []string{"general", "balcony"},
	})
	if change != nil {
		change(aurora)
	}
	return events
}

// RunLimits checks that a reservation obeys sale windows, limits and promo codes, and
// that this is decided by the arbiter.
func RunLimits(t *testing.T, open OpenArbiter) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Arbiter){
		"one buyer, over orders and pods":       testBuyerLimit,
		"one buyer, however it is spelt":        testBuyerSpelling,
		"one buyer, 200 orders at once":         testBuyerConcurrent,
		"replays do not count":                  testReplaysDoNotCount,
		"refusals do not count":                 testRefusalsDoNotCount,
		"a refused order gives back, once":      testRefusedGivesBack,
		"refused orders side by side":           testGiveBackConcurrent,
		"limits change with the catalog":        testLimitsChange,
		"promo code, used up at once":           testPromoConcurrent,
		"promo code, for its tiers":             testPromoTiers,
		"promo code, in its time":               testPromoWindow,
		"sale, by the arbiter's clock":          testSaleWindow,
		"sale, of what the catalog has no more": testGoneFromCatalog,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t, roomyOutbox)
			OpenSale(t, a.Stock, epochOne, limitedCatalog(nil))
			test(t, a)
		})
	}
}

// orderOf returns an order of another buyer than every other order's, where it is not said whose.
func orderOf(tier ticketing.TierKey, quantity int, email, promo string) ticketing.Order {
	o := NewOrder(tier, quantity)
	o.Buyer.Email, o.PromoCode = email, promo
	if email == "" {
		o.Buyer.Email = string(o.ID) + "@example.com"
	}
	return o
}

func testBuyerLimit(t *testing.T, a Arbiter) {
	t.Helper()
	other := a
	other.Pod = a.NewPod()
	const ada = "ada@example.com"
	wantVerdict(t, a, orderOf(general, perBuyer-1, ada, ""), checkout.Reserved)
	if diff := cmp.Diff(checkout.Outcome{Verdict: checkout.BuyerLimit, Limit: perBuyer}, reserve(t, other, orderOf(general, 2, ada, ""))); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	last := orderOf(general, 1, ada, "")
	wantVerdict(t, other, last, checkout.Reserved)
	must(t, a.Ledger.Settle(t.Context(), confirmed(last)))
	for _, pod := range []Arbiter{a, other} {
		wantVerdict(t, pod, orderOf(general, 1, ada, ""), checkout.BuyerLimit)
	}
	wantVerdict(t, a, orderOf(balcony, perBuyer+1, ada, ""), checkout.Reserved)
	wantVerdict(t, a, orderOf(general, perBuyer, "eda@example.com", ""), checkout.Reserved)
	wantVerdict(t, a, orderOf(general, perBuyer+1, "", ""), checkout.BuyerLimit)
	wantStock(t, a, general, capacityOf-2*perBuyer)
}

func testBuyerSpelling(t *testing.T, a Arbiter) {
	t.Helper()
	for _, email := range []string{"ada@example.com", "Ada@Example.com", " ADA@EXAMPLE.COM ", "ada@EXAMPLE.com"} {
		wantVerdict(t, a, orderOf(general, 1, email, ""), checkout.Reserved)
	}
	wantVerdict(t, a, orderOf(general, 1, "aDa@example.com", ""), checkout.BuyerLimit)
	wantVerdict(t, a, orderOf(general, 1, "a.da@example.com", ""), checkout.Reserved)
}

// reserveAll reserves the orders at once, from three pods, and counts the verdicts; an
// order that was repeated after a lost answer counts as reserved.
func reserveAll(t *testing.T, a Arbiter, orders []ticketing.Order) map[checkout.Verdict]int {
	t.Helper()
	pods := []Pod{a.Pod, a.NewPod(), a.NewPod()}
	verdicts := make([]checkout.Verdict, len(orders))
	var group sync.WaitGroup
	for i, o := range orders {
		group.Go(func() { verdicts[i] = persist(t, pods[i%len(pods)], o) })
	}
	group.Wait()
	count := map[checkout.Verdict]int{}
	for _, v := range verdicts {
		if v == checkout.Known {
			v = checkout.Reserved
		}
		count[v]++
	}
	return count
}

func testBuyerConcurrent(t *testing.T, a Arbiter) {
	t.Helper()
	const requests = 200
	orders := make([]ticketing.Order, requests)
	for i := range orders {
		orders[i] = orderOf(general, 1, []string{"ada@example.com", "Ada@Example.com"}[i%2], "")
	}
	want := map[checkout.Verdict]int{checkout.Reserved: perBuyer, checkout.BuyerLimit: requests - perBuyer}
	if diff := cmp.Diff(want, reserveAll(t, a, orders)); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	wantStock(t, a, general, capacityOf-perBuyer)
}

func testReplaysDoNotCount(t *testing.T, a Arbiter) {
	t.Helper()
	first := orderOf(general, perBuyer-1, "ada@example.com", "LAUNCH")
	wantVerdict(t, a, first, checkout.Reserved)
	for range promoUses + 1 {
		wantVerdict(t, a, first, checkout.Known)
	}
	wantVerdict(t, a, orderOf(general, 1, "ada@example.com", "LAUNCH"), checkout.Reserved)
	wantVerdict(t, a, orderOf(general, 1, "ada@example.com", ""), checkout.BuyerLimit)
	wantVerdict(t, a, first, checkout.Known)
	wantPromoUses(t, a, 2)
}

// wantPromoUses uses LAUNCH up, to see how often it had been used.
func wantPromoUses(t *testing.T, a Arbiter, want int) {
	t.Helper()
	for i := range promoUses - want {
		if got := reserve(t, a, orderOf(balcony, 1, "", "LAUNCH")).Verdict; got != checkout.Reserved {
			t.Fatalf("use %d of the promo code: got verdict %d", want+i+1, got)
		}
	}
	wantVerdict(t, a, orderOf(balcony, 1, "", "LAUNCH"), checkout.PromoUsedUp)
}

func testRefusalsDoNotCount(t *testing.T, a Arbiter) {
	t.Helper()
	const ada = "ada@example.com"
	soldOut := orderOf(general, capacityOf+1, ada, "LAUNCH") // over the limit too: what is gone is said first
	tooMany := orderOf(general, perBuyer+1, ada, "LAUNCH")
	for range promoUses {
		wantVerdict(t, a, soldOut, checkout.SoldOut)
		wantVerdict(t, a, tooMany, checkout.BuyerLimit)
		wantVerdict(t, a, orderOf(general, 1, ada, "NOWHERE"), checkout.PromoUnknown)
	}
	wantPromoUses(t, a, 0)
	wantVerdict(t, a, orderOf(general, 1, ada, "LAUNCH"), checkout.PromoUsedUp)
	wantVerdict(t, a, orderOf(general, perBuyer, ada, ""), checkout.Reserved)
}

func testRefusedGivesBack(t *testing.T, a Arbiter) {
	t.Helper()
	const ada = "ada@example.com"
	refused, kept := orderOf(general, perBuyer-1, ada, "LAUNCH"), orderOf(general, 1, ada, "LAUNCH")
	wantVerdict(t, a, refused, checkout.Reserved)
	wantVerdict(t, a, kept, checkout.Reserved)
	must(t, a.Ledger.Settle(t.Context(), confirmed(kept)))
	for range 2 {
		must(t, a.Ledger.Settle(t.Context(), settled(ticketing.StateRefused, refused, kept)))
		must(t, a.Ledger.Settle(t.Context(), confirmed(refused)))
	}
	wantState(t, a, refused, ticketing.StateRefused)
	wantVerdict(t, a, orderOf(general, perBuyer, ada, ""), checkout.BuyerLimit)
	wantVerdict(t, a, orderOf(general, perBuyer-1, ada, ""), checkout.Reserved)
	wantPromoUses(t, a, 1)
}

// testGiveBackConcurrent: whatever the order of steps, a buyer whose orders are all refused
// holds nothing, and not less.
func testGiveBackConcurrent(t *testing.T, a Arbiter) {
	t.Helper()
	const ada = "ada@example.com"
	var group sync.WaitGroup
	for range 60 {
		order := orderOf(general, 1, ada, "")
		group.Go(func() {
			persist(t, a.Pod, order)
			var steps sync.WaitGroup
			for range 2 {
				steps.Go(func() {
					repeat(t, func() error { return a.Ledger.Settle(t.Context(), settled(ticketing.StateRefused, order)) })
				})
			}
			steps.Wait()
		})
	}
	group.Wait()
	wantVerdict(t, a, orderOf(general, perBuyer, ada, ""), checkout.Reserved)
	wantVerdict(t, a, orderOf(general, 1, ada, ""), checkout.BuyerLimit)
}

func testLimitsChange(t *testing.T, a Arbiter) {
	t.Helper()
	const ada = "ada@example.com"
	restock := func(change func(*ticketing.Event)) {
		t.Helper()
		must(t, a.Stock.Stock(t.Context(), limitedCatalog(change)))
	}
	wantVerdict(t, a, orderOf(general, 3, ada, "LAUNCH"), checkout.Reserved)
	restock(nil) // again: what is held is not forgotten
	wantVerdict(t, a, orderOf(general, 2, ada, ""), checkout.BuyerLimit)

	restock(func(e *ticketing.Event) { e.Tiers[0].MaxPerBuyer = 2; e.PromoCodes[1].MaxUses = 1 })
	wantVerdict(t, a, orderOf(general, 1, ada, ""), checkout.BuyerLimit)
	wantVerdict(t, a, orderOf(balcony, 1, ada, "LAUNCH"), checkout.PromoUsedUp)

	restock(func(e *ticketing.Event) { e.Tiers[0].MaxPerBuyer = 0; e.PromoCodes[1].MaxUses = 0 })
	for range promoUses {
		wantVerdict(t, a, orderOf(general, 1, ada, "LAUNCH"), checkout.Reserved)
	}
	restock(func(e *ticketing.Event) { e.Tiers[0].MaxPerBuyer = 11 }) // finds the 10 from when there was none
	wantVerdict(t, a, orderOf(general, 2, ada, ""), checkout.BuyerLimit)
	wantVerdict(t, a, orderOf(general, 1, "", "LAUNCH"), checkout.PromoUsedUp)
	wantVerdict(t, a, orderOf(general, 1, ada, ""), checkout.Reserved)

	restock(func(e *ticketing.Event) { e.PromoCodes = nil })
	wantVerdict(t, a, orderOf(general, 1, "", "LAUNCH"), checkout.PromoUnknown)
}

func testPromoConcurrent(t *testing.T, a Arbiter) {
	t.Helper()
	const requests = 80
	orders := make([]ticketing.Order, requests)
	for i := range orders {
		orders[i] = orderOf([]ticketing.TierKey{general, balcony}[i%2], 1, "", "LAUNCH")
	}
	want := map[checkout.Verdict]int{checkout.Reserved: promoUses, checkout.PromoUsedUp: requests - promoUses}
	if diff := cmp.Diff(want, reserveAll(t, a, orders)); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	wantVerdict(t, a, orderOf(general, 1, "", ""), checkout.Reserved)
}

func testPromoTiers(t *testing.T, a Arbiter) {
	t.Helper()
	box := ticketing.TierKey{EventID: "aurora", TierID: "box"}
	wantVerdict(t, a, orderOf(box, 1, "", "LAUNCH"), checkout.PromoUnknown)
	wantVerdict(t, a, orderOf(box, 1, "", "EARLY"), checkout.Reserved)
	wantVerdict(t, a, orderOf(pit, 1, "", "LAUNCH"), checkout.PromoUnknown)
	wantVerdict(t, a, orderOf(balcony, 1, "", "LAUNCH"), checkout.Reserved)
}

// windowCase is a window, in hours from the arbiter's present; 0 is no bound.
type windowCase struct {
	from, until int
	open        bool
}

func windowCases() []windowCase {
	return []windowCase{
		{0, 0, true},
		{-1, 0, true},
		{0, 1, true},
		{-1, 1, true},
		{1, 0, false},
		{1, 2, false},
		{0, -1, false},
		{-2, -1, false},
		{0, -24 * 365 * 100, false},
	}
}

func (w windowCase) String() string { return fmt.Sprintf("from %+d h until %+d h", w.from, w.until) }

func (w windowCase) times(now time.Time) (from, until time.Time) {
	if w.from != 0 {
		from = now.Add(time.Duration(w.from) * time.Hour)
	}
	if w.until != 0 {
		until = now.Add(time.Duration(w.until) * time.Hour)
	}
	return from, until
}

func testPromoWindow(t *testing.T, a Arbiter) {
	t.Helper()
	now := a.Now(t)
	for _, window := range windowCases() {
		must(t, a.Stock.Stock(t.Context(), limitedCatalog(func(e *ticketing.Event) {
			e.PromoCodes[1].MaxUses = 0
			e.PromoCodes[1].ValidFrom, e.PromoCodes[1].ValidUntil = window.times(now)
		})))
		want := checkout.PromoNotValid
		if window.open {
			want = checkout.Reserved
		}
		if got := reserve(t, a, orderOf(balcony, 1, "", "LAUNCH")).Verdict; got != want {
			t.Errorf("promo code %s: got verdict %d, want %d", window, got, want)
		}
		wantVerdict(t, a, orderOf(balcony, 1, "", ""), checkout.Reserved)
	}
}

// testSaleWindow: what the pod's clock says, which is the order's time, counts for nothing.
func testSaleWindow(t *testing.T, a Arbiter) {
	t.Helper()
	now := a.Now(t)
	known := orderOf(balcony, 1, "", "")
	wantVerdict(t, a, known, checkout.Reserved)
	for _, window := range windowCases() {
		must(t, a.Stock.Stock(t.Context(), limitedCatalog(func(e *ticketing.Event) {
			e.SalesOpen, e.SalesClose = window.times(now)
		})))
		want := checkout.SaleClosed
		if window.open {
			want = checkout.Reserved
		}
		for _, podsClock := range []time.Time{now, now.Add(-90 * time.Minute), now.Add(90 * time.Minute)} {
			order := orderOf(balcony, 1, "", "")
			order.PlacedAt = podsClock
			if got := reserve(t, a, order).Verdict; got != want {
				t.Errorf("sale %s, pod's clock off by %s: got verdict %d, want %d", window, podsClock.Sub(now), got, want)
			}
		}
		wantVerdict(t, a, known, checkout.Known)
		wantVerdict(t, a, NewOrder(pit, 1), checkout.Reserved)
	}
}

// testGoneFromCatalog: seats without rules are not sold without any, and come back with them.
func testGoneFromCatalog(t *testing.T, a Arbiter) {
	t.Helper()
	const ada = "ada@example.com"
	wantVerdict(t, a, orderOf(general, perBuyer, ada, ""), checkout.Reserved)
	must(t, a.Stock.Stock(t.Context(), Catalog()[:1]))
	wantVerdict(t, a, orderOf(general, 1, "", ""), checkout.NotOnSale)
	wantStock(t, a, general, capacityOf-perBuyer)
	must(t, a.Stock.Stock(t.Context(), limitedCatalog(nil)))
	wantVerdict(t, a, orderOf(general, 1, ada, ""), checkout.BuyerLimit)
	wantVerdict(t, a, orderOf(general, 1, "", ""), checkout.Reserved)
}
