//go:build integration

package postgres_test

import (
	"testing"

	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// BenchmarkCommit commits batches of 500 orders of one tier, one after another.
func BenchmarkCommit(b *testing.B) {
	const batchSize = 500
	url, err := shared.NewDatabase(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	pool, err := postgres.Open(b.Context(), url, postgres.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	ledger := postgres.NewLedger(pool)
	events := storetest.Catalog()
	events[0].Tiers[0].Capacity = 1 << 30
	if err := ledger.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := ledger.SaveCatalog(b.Context(), events); err != nil {
		b.Fatal(err)
	}
	tier := ticketing.TierKey{EventID: events[0].ID, TierID: events[0].Tiers[0].ID}
	for b.Loop() {
		b.StopTimer()
		batch := make([]ticketing.Order, batchSize)
		for i := range batch {
			batch[i] = storetest.NewOrder(tier, 2)
		}
		b.StartTimer()
		if _, err := ledger.Commit(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(batchSize*float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}
