package storefront

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	refreshInterval = time.Second
	// A look that takes longer than these counts as a failure.
	booksTimeout = 800 * time.Millisecond
	shelfTimeout = 300 * time.Millisecond
)

// Deps is what a Front works with. All of it is needed.
type Deps struct {
	Books  Books
	Shelf  Shelf
	Broker Broker
	// MaySell returns nil where the pod's own checks let it sell.
	MaySell func() error
	// OutboxLimit is the bound of the arbiter's outbox.
	OutboxLimit int
	Clock       func() time.Time
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// Front is the pod's view of what is on sale. Reading it takes no lock and no store.
type Front struct {
	d        Deps
	start    time.Time
	snapshot atomic.Pointer[Snapshot]
	arbiter  atomic.Pointer[ShelfState]
	up       *prometheus.GaugeVec

	first  sync.WaitGroup
	primed chan struct{}

	mu        sync.Mutex
	knowledge knowledge
}

// New returns a Front that knows nothing yet. Run fills it.
func New(d Deps) *Front {
	f := &Front{d: d, primed: make(chan struct{})}
	f.start = f.now()
	f.knowledge.books.since, f.knowledge.shelf.since = f.start, f.start
	f.up = promauto.With(d.Registerer).NewGaugeVec(prometheus.GaugeOpts{
		Name: "eventflow_purchase_store_up",
		Help: "Whether the store answered this pod the last time it was asked: 1 or 0.",
	}, []string{"store"})
	f.snapshot.Store(f.knowledge.snapshot())
	f.arbiter.Store(&ShelfState{})
	return f
}

// Run refreshes the view every second until ctx ends. A store that hangs delays nobody
// but itself.
func (f *Front) Run(ctx context.Context) error {
	f.first.Add(2)
	var loops sync.WaitGroup
	loops.Go(func() { f.repeat(ctx, f.refreshBooks) })
	loops.Go(func() { f.repeat(ctx, f.refreshShelf) })
	f.first.Wait()
	close(f.primed)
	loops.Wait()
	return nil
}

// Primed is closed once every store has been asked, with or without success: from then on
// the pod knows as much as its siblings do.
func (f *Front) Primed() <-chan struct{} { return f.primed }

// Snapshot returns what is on sale.
func (f *Front) Snapshot() *Snapshot { return f.snapshot.Load() }

// Event returns the event with the id.
func (f *Front) Event(id string) (ticketing.Event, bool) { return f.snapshot.Load().Event(id) }

// Loaded reports whether a catalog has been read at all since the start.
func (f *Front) Loaded() bool { return f.snapshot.Load().Loaded() }

// Paused reports whether the consumer has announced that it does not commit now.
func (f *Front) Paused() bool { return f.arbiter.Load().ConsumerPaused }

// Status returns how the pod is.
func (f *Front) Status() Status {
	f.mu.Lock()
	books, shelf := f.knowledge.books.state(), f.knowledge.shelf.state()
	f.mu.Unlock()
	arbiter := f.arbiter.Load()
	connected, since, blocked := f.d.Broker.State()
	if since.IsZero() {
		since = f.start
	}
	s := Status{
		Postgres: books, Redis: shelf,
		RabbitMQ:  StoreState{Up: connected && !blocked, Since: since},
		Accepting: shelf.Up && arbiter.Epoch != "" && arbiter.Outbox < f.d.OutboxLimit && f.d.MaySell() == nil,
		Mode:      Normal,
	}
	switch {
	case !s.Accepting:
		s.Mode = Paused
	case arbiter.ConsumerPaused || !s.Postgres.Up || !s.RabbitMQ.Up:
		s.Mode = Async
	}
	return s
}

// now is the time as it is shown: to the millisecond, in UTC.
func (f *Front) now() time.Time { return f.d.Clock().UTC().Truncate(time.Millisecond) }

// repeat refreshes at once and then every second.
func (f *Front) repeat(ctx context.Context, refresh func(context.Context)) {
	refresh(ctx)
	f.first.Done()
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			refresh(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (f *Front) refreshBooks(ctx context.Context) {
	booksCtx, cancel := context.WithTimeout(ctx, booksTimeout)
	defer cancel()
	asked := f.now()
	events, err := f.d.Books.Catalog(booksCtx)
	if err != nil {
		err = fmt.Errorf("read the catalog from the ledger: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.knowledge.catalog, f.knowledge.catalogAt = notNil(events), asked
	}
	f.note(ctx, "postgres", &f.knowledge.books, err)
}

func (f *Front) refreshShelf(ctx context.Context) {
	shelfCtx, cancel := context.WithTimeout(ctx, shelfTimeout)
	defer cancel()
	asked := f.now()
	state, err := f.d.Shelf.Shelf(shelfCtx)
	if err != nil {
		err = fmt.Errorf("read the arbiter's shelf: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.knowledge.arbiter, f.knowledge.arbiterAt = state, asked
		f.arbiter.Store(&state)
	}
	f.note(ctx, "redis", &f.knowledge.shelf, err)
}

// note publishes what is known now. f.mu is held.
func (f *Front) note(ctx context.Context, store string, c *contact, err error) {
	if ctx.Err() != nil {
		return // the process ends: this says nothing about the store
	}
	changed := c.note(err, f.now())
	f.snapshot.Store(f.knowledge.snapshot())
	if c.up {
		f.up.WithLabelValues(store).Set(1)
	} else {
		f.up.WithLabelValues(store).Set(0)
	}
	switch {
	case !changed:
	case err != nil:
		f.d.Logger.WarnContext(ctx, "Lost a store", telemetry.KeyStore, store, telemetry.KeyError, err)
	default:
		f.d.Logger.InfoContext(ctx, "Reached a store", telemetry.KeyStore, store)
	}
}

// notNil keeps "an empty catalog" apart from "no catalog yet".
func notNil(events []ticketing.Event) []ticketing.Event {
	if events == nil {
		return []ticketing.Event{}
	}
	return events
}
