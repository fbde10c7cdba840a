package opening

import (
	"context"
	"errors"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Books is the ledger's side, and what the arbiter is rebuilt from.
type Books interface {
	Catalog
	Epochs
	// Sold returns how many seats of each tier are sold.
	Sold(ctx context.Context) (map[ticketing.TierKey]int, error)
	// Settled returns up to limit settled orders, in the order of their ids, from behind
	// the id after.
	Settled(ctx context.Context, after ticketing.OrderID, limit int) ([]Record, error)
}

// Catalog is what is sold, as the ledger has it.
type Catalog interface {
	// Migrate brings the schema up to date; concurrent callers wait for one another.
	Migrate(ctx context.Context) error
	// SaveCatalog inserts or updates events and tiers. Nothing is removed. A capacity
	// below what is sold is refused with an error that names the tier.
	SaveCatalog(ctx context.Context, events []ticketing.Event) error
	// Catalog returns the events and tiers that the ledger has.
	Catalog(ctx context.Context) ([]ticketing.Event, error)
}

// Epochs are the lives of the arbiter's data, as the ledger has noted them.
type Epochs interface {
	// OpenEpoch notes the epoch as the open one where none is open and this one has not
	// ended, and returns the one that is open then, "" for none. The epoch "" notes nothing.
	OpenEpoch(ctx context.Context, epoch string) (string, error)
	// EndEpoch notes that the epoch is over for good.
	EndEpoch(ctx context.Context, epoch string) error
}

// Record is an order as the ledger has settled it.
type Record struct {
	Order ticketing.Order
	State ticketing.State
	// Age is how long ago it was settled.
	Age time.Duration
}

// Backlog is the queue of orders on their way to the ledger.
type Backlog interface {
	// State tells how many orders are ready in the queue, and how many consumers it has.
	// An order that a consumer holds is counted as neither; with no consumer there is none.
	State(ctx context.Context) (ready, consumers int, err error)
	// Admit lets orders of the epoch into the queue.
	Admit(ctx context.Context, epoch string) error
	// Fence shuts orders of the epoch out of the queue: none is routed into it once Fence
	// has returned nil. Whoever publishes one is told.
	Fence(ctx context.Context, epoch string) error
}

// Stock is the arbiter's side.
type Stock interface {
	// Epoch returns the arbiter's epoch, "" where it has none: new, or its data lost.
	Epoch(ctx context.Context) (string, error)
	// Stock adds, in one atomic step, what each tier's capacity has grown by since
	// the last call (all of it the first time) and publishes the events for readers.
	// A capacity that shrinks takes seats from the pool and fails where the pool has too few.
	Stock(ctx context.Context, events []ticketing.Event) error
	// Begin claims an arbiter that is not open, or is open in the epoch stale, for the
	// rebuild that the token names, and empties it. It is repeated to keep the claim, which
	// runs out after ClaimFor, and before what was restored is restored again. ErrBusy is returned
	// while another rebuild has the claim. It fails where the arbiter is open in any other epoch.
	Begin(ctx context.Context, token, stale string) error
	// Restore gives the arbiter settled orders: their keys are known to it for as long as
	// they would have been, and what is confirmed counts against limits. An order may be
	// restored once after Begin. It fails where the rebuild has not the claim any more.
	Restore(ctx context.Context, token string, records []Record) error
	// Open fills the pools and begins the sale, in one atomic step. It fails where the
	// rebuild has not the claim any more.
	Open(ctx context.Context, sale Sale) error
}

// ClaimFor is for how long a rebuild has the arbiter to itself after each step: longer
// than any step takes.
const ClaimFor = 20 * time.Second

// ErrBusy is returned while another rebuild has the arbiter to itself.
var ErrBusy = errors.New("another rebuild is under way")

// Sale is a sale to be opened.
type Sale struct {
	// Token names the rebuild that Begin began.
	Token string
	Epoch string
	// Events are what is sold, and Sold how many seats of each tier are gone already.
	Events []ticketing.Event
	Sold   map[ticketing.TierKey]int
}

// Pools returns each tier's capacity and how many of its seats are left. A tier whose
// capacity has been cut below what is sold has as much capacity as it has sold.
func (s Sale) Pools() map[ticketing.TierKey]Pool {
	pools := map[ticketing.TierKey]Pool{}
	for _, e := range s.Events {
		for _, t := range e.Tiers {
			key := ticketing.TierKey{EventID: e.ID, TierID: t.ID}
			capacity := max(t.Capacity, s.Sold[key])
			pools[key] = Pool{Capacity: capacity, Left: capacity - s.Sold[key]}
		}
	}
	return pools
}

// Pool is one tier's seats.
type Pool struct{ Capacity, Left int }

// Settings checks the server settings that the arbiter's promises rest on; its error
// names each wrong one.
type Settings func(ctx context.Context) error
