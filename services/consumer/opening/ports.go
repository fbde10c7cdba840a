package opening

import (
	"context"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Books is the ledger's side of the catalog.
type Books interface {
	// Migrate brings the schema up to date; concurrent callers wait for one another.
	Migrate(ctx context.Context) error
	// SaveCatalog inserts or updates events and tiers. Nothing is removed. A capacity
	// below what is sold is refused with an error that names the tier.
	SaveCatalog(ctx context.Context, events []ticketing.Event) error
	// Catalog returns the events and tiers that the ledger has.
	Catalog(ctx context.Context) ([]ticketing.Event, error)
	// OrderCount returns how many orders the ledger has, of any state.
	OrderCount(ctx context.Context) (int64, error)
}

// Backlog tells how many orders wait in the queue.
type Backlog interface {
	// Depth returns the number of messages that are ready in the purchase queue.
	Depth(ctx context.Context) (int, error)
}

// Stock is the arbiter's side.
type Stock interface {
	// Epoch returns the arbiter's epoch, "" where it has none: new, or its data lost.
	Epoch(ctx context.Context) (string, error)
	// Stock adds, in one atomic step, what each tier's capacity has grown by since
	// the last call (all of it the first time) and publishes the events for readers.
	// A capacity that shrinks takes seats from the pool and fails where the pool has too few.
	Stock(ctx context.Context, events []ticketing.Event) error
	// Open sets the epoch, where there is none, and with it begins the sale.
	Open(ctx context.Context, epoch string) error
}

// Settings checks the server settings that the arbiter's promises rest on; its error
// names each wrong one.
type Settings func(ctx context.Context) error
