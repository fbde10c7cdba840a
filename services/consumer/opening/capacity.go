package opening

import (
	"context"
	"fmt"
	"slices"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// A capacity that changes must change in two stores. At no moment may the arbiter have
// more seats to sell than the ledger has room for, or accepted orders would be refused.
// So the ledger is first given the greater of the old and new capacity, then the arbiter
// is given the new one, and only then does a smaller one reach the ledger. Each step can
// be repeated, and stopping between any two is harmless.

// widen gives the ledger the catalog, with no capacity smaller than it has.
func (o *Opener) widen(ctx context.Context) error {
	if o.widened {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	old, err := o.Books.Catalog(ctx)
	if err != nil {
		return fmt.Errorf("read the present one: %w", err)
	}
	if len(old) > 0 {
		// What has been sold is in it, whatever the ledger may say to the new one.
		o.setReady()
	}
	if err := o.Books.SaveCatalog(ctx, atLeast(o.events, old)); err != nil {
		return err
	}
	o.setReady()
	o.widened = true
	return nil
}

func (o *Opener) setReady() {
	if !o.isReady {
		o.isReady = true
		close(o.ready)
	}
}

// stock gives the arbiter its seats and then the ledger the final capacities.
func (o *Opener) stock(ctx context.Context) error {
	err := bounded(ctx, callTimeout, func(ctx context.Context) error { return o.Stock.Stock(ctx, o.events) })
	if err != nil {
		return fmt.Errorf("stock the arbiter: %w", err)
	}
	return o.saveCatalog(ctx)
}

// saveCatalog gives the ledger the final capacities, once the arbiter has them.
func (o *Opener) saveCatalog(ctx context.Context) error {
	err := bounded(ctx, callTimeout, func(ctx context.Context) error { return o.Books.SaveCatalog(ctx, o.events) })
	if err != nil {
		return fmt.Errorf("save the catalog: %w", err)
	}
	return nil
}

// atLeast returns events with every capacity raised to the one in old.
func atLeast(events, old []ticketing.Event) []ticketing.Event {
	before := map[ticketing.TierKey]int{}
	for _, e := range old {
		for _, t := range e.Tiers {
			before[ticketing.TierKey{EventID: e.ID, TierID: t.ID}] = t.Capacity
		}
	}
	events = slices.Clone(events)
	for i, e := range events {
		events[i].Tiers = slices.Clone(e.Tiers)
		for j, t := range e.Tiers {
			events[i].Tiers[j].Capacity = max(t.Capacity, before[ticketing.TierKey{EventID: e.ID, TierID: t.ID}])
		}
	}
	return events
}
