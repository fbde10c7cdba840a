// Package storefront keeps, in each purchase pod's memory, what is on sale, how much of
// it is left and how the stores are, refreshed in the background, so that no reader ever waits for a
// store. What it serves says where it comes from and how old it is. It must not know
// HTTP, PostgreSQL or Redis.
package storefront

import (
	"context"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Books reads the catalog from the ledger.
type Books interface {
	Catalog(ctx context.Context) ([]ticketing.Event, error)
}

// Shelf reads the arbiter's copy of the catalog, its stock and its state.
type Shelf interface {
	// Shelf returns everything in one round trip.
	Shelf(ctx context.Context) (ShelfState, error)
}

// ShelfState is what the arbiter knows at one moment.
type ShelfState struct {
	// Epoch is "" while the sale is not open.
	Epoch string
	// Events is the catalog as last published, at CatalogAt.
	Events    []ticketing.Event
	CatalogAt time.Time
	// Stock is how many seats each tier's pool has left.
	Stock map[ticketing.TierKey]int
	// ConsumerPaused is true while the consumer has announced that it does not commit.
	ConsumerPaused bool
	// Outbox is how many orders wait for the broker.
	Outbox int
}

// Broker tells how the connection to the broker is.
type Broker interface {
	// State returns whether it stands and since when it has been so, and whether the
	// broker takes no messages at present.
	State() (connected bool, since time.Time, blocked bool)
}
