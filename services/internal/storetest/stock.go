package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// RunStock checks what opening.Stock and storefront.Shelf promise.
func RunStock(t *testing.T, open OpenArbiter) {
	t.Helper()
	open.run(t, map[string]func(*testing.T, Arbiter){
		"shelf shows what was stocked":   testShelf,
		"stock follows capacity":         testStockFollows,
		"stock cannot shrink below zero": testStockTooFew,
		"an open arbiter is not rebuilt": testBeginWhileOpen,
		"rebuilt from the ledger":        testRebuild,
		"rebuilt limits":                 testRebuildLimits,
		"stale data is thrown away":      testRebuildStale,
		"one rebuild at a time":          testRebuildClaim,
		"rebuild that begins again":      testRebuildAgain,
		"sold beyond its capacity":       testRebuildTooSmall,
	})
	t.Run("empty arbiter", func(t *testing.T) {
		t.Parallel()
		a := open(t, roomyOutbox)
		shelf := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context()))
		if diff := cmp.Diff(storefront.ShelfState{Stock: map[ticketing.TierKey]int{}}, shelf); diff != "" {
			t.Errorf("shelf (-want +got):\n%s", diff)
		}
		wantVerdict(t, a, NewOrder(general, 1), checkout.SalePaused)
	})
}

func testShelf(t *testing.T, a Arbiter) {
	t.Helper()
	shelf := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context()))
	if shelf.CatalogAt.IsZero() {
		t.Error("the catalog has no time")
	}
	shelf.CatalogAt = time.Time{}
	want := storefront.ShelfState{
		Epoch: epochOne, Events: Catalog(),
		Stock: map[ticketing.TierKey]int{general: capacityOf, balcony: capacityOf, pit: capacityOf},
	}
	if diff := cmp.Diff(want, shelf); diff != "" {
		t.Errorf("shelf (-want +got):\n%s", diff)
	}
}

func testStockFollows(t *testing.T, a Arbiter) {
	t.Helper()
	reserve(t, a, NewOrder(general, 10))
	for _, step := range []struct{ capacity, want int }{
		{capacityOf, 90}, {150, 140}, {150, 140}, {120, 110}, {10, 0}, {11, 1},
	} {
		must(t, a.Stock.Stock(t.Context(), withCapacity(general, step.capacity)))
		wantStock(t, a, general, step.want)
	}
	wantStock(t, a, pit, capacityOf)
	wantVerdict(t, a, NewOrder(general, 2), checkout.SoldOut)
	wantVerdict(t, a, NewOrder(general, 1), checkout.Reserved)
}

func testStockTooFew(t *testing.T, a Arbiter) {
	t.Helper()
	reserve(t, a, NewOrder(general, 10))
	events := withCapacity(general, 9)
	events[0].Tiers[0].Capacity = 500 // would grow, were it not for the other
	err := a.Stock.Stock(t.Context(), events)
	if err == nil || !strings.Contains(err.Error(), general.String()) {
		t.Errorf("got %v, want an error that names %s", err, general)
	}
	wantStock(t, a, general, 90)
	wantStock(t, a, pit, capacityOf)
	if diff := cmp.Diff(Catalog(), have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context())).Events); diff != "" {
		t.Errorf("a refused catalog was published (-want +got):\n%s", diff)
	}
}
