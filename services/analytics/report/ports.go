package report

import (
	"context"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// TierSales is what the ledger has about one tier. A pointer is nil where the ledger has a
// null, which is counted and never taken for zero.
type TierSales struct {
	EventID   string
	EventName string
	TierID    string
	Orders    int64
	Tickets   int64
	Revenue   *int64
	Currency  *string
	// Incomplete counts orders with a missing amount or currency; they are in Orders and Tickets, not in Revenue.
	Incomplete int64
}

// Books reads sales from the ledger.
type Books interface {
	// SalesByTier returns one row for every tier of the catalog, ordered by event and tier id.
	SalesByTier(ctx context.Context) ([]TierSales, error)
}

// Pending is what has been accepted of one tier and is not in the books yet.
type Pending struct {
	Tier    ticketing.TierKey
	Orders  int64
	Tickets int64
	Revenue ticketing.Money
}

// Backlog reads what is accepted and not in the books yet.
type Backlog interface {
	// Pending returns the tiers that have something pending.
	Pending(ctx context.Context) ([]Pending, error)
}
