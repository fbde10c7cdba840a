package opening

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/eventflow-dev/eventflow/services/consumer/internal/retry"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	migrateTimeout = time.Minute
	callTimeout    = 10 * time.Second
	retryBase      = 100 * time.Millisecond
	// migrateCap bounds how long after a ledger's return the first order can be written.
	migrateCap = 2 * time.Second
	// checkEvery is how soon a loss of the arbiter's data is noticed.
	checkEvery = 5 * time.Second
	// freshFor is how long ledger and queue must have been seen empty before a sale is
	// opened anew. A single look could fall between the delivery of an order, which
	// takes it out of the queue's count, and its commit.
	freshFor = 2 * time.Second
)

// ErrReservationsLost says that the arbiter has no epoch although orders exist: its
// data is gone. Opening would sell seats a second time.
var ErrReservationsLost = errors.New("reservations are lost")

// Deps is what an Opener works with.
type Deps struct {
	Books    Books
	Backlog  Backlog
	Stock    Stock
	Settings Settings
	Logger   *slog.Logger
	Metrics  *Metrics
	Now      func() time.Time
	// NewEpoch returns a name that has never been used.
	NewEpoch func() string
}

// Metrics says whether the sale is open.
type Metrics struct{ open prometheus.Gauge }

// NewMetrics registers the metrics of an Opener.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	return &Metrics{open: promauto.With(registerer).NewGauge(prometheus.GaugeOpts{
		Name: "eventflow_consumer_sale_open",
		Help: "1 while the consumer finds the arbiter open for sale; 0 before its first look.",
	})}
}

// Opener opens the sale and watches that it stays open.
//
// It opens only where nothing has been sold: with an empty ledger and an empty queue.
// Where the arbiter has lost its data after that, the sale stays paused, and an error in
// the log says so: rebuilding the stock from the ledger is not implemented here, a
// person has to restore the arbiter's data.
type Opener struct {
	Deps
	events  []ticketing.Event
	ready   chan struct{}
	backoff retry.Backoff
	// widened reports whether the ledger has every capacity of the catalog, or more.
	widened bool
	// epoch is the last one seen whose stock matches the catalog, "" where there is none.
	epoch      string
	freshSince time.Time
	isReady    bool
	problem    string
}

// New makes an Opener for a catalog, which must be valid.
func New(d Deps, events []ticketing.Event) (*Opener, error) {
	if err := ticketing.ValidateCatalog(events); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return &Opener{
		Deps: d, events: events, ready: make(chan struct{}),
		backoff: retry.Backoff{Base: retryBase, Cap: checkEvery},
	}, nil
}

// Ready is closed once the ledger has its schema and a catalog. An order that is
// committed before would be rejected for its unknown tier.
func (o *Opener) Ready() <-chan struct{} { return o.ready }

// Run migrates the ledger, opens the sale, and looks after both until ctx ends. It
// survives any absence of the stores and never returns an error.
func (o *Opener) Run(ctx context.Context) error {
	defer o.Metrics.open.Set(0)
	if !o.migrate(ctx) {
		return nil
	}
	for next := time.Duration(0); retry.Sleep(ctx, next); {
		next = o.attempt(ctx)
	}
	return nil
}

func (o *Opener) migrate(ctx context.Context) bool {
	backoff := retry.Backoff{Base: retryBase, Cap: migrateCap}
	for backoff.Wait(ctx) {
		err := bounded(ctx, migrateTimeout, o.Books.Migrate)
		if err == nil {
			o.problem = ""
			o.Logger.InfoContext(ctx, "Migrated the ledger")
			return true
		}
		backoff.Failed()
		o.complain(ctx, fmt.Errorf("migrate the ledger: %w", err))
	}
	return false
}

// attempt takes one step and returns the wait before the next.
func (o *Opener) attempt(ctx context.Context) time.Duration {
	next, err := o.step(ctx)
	if err != nil {
		o.backoff.Failed()
		o.complain(ctx, err)
		return o.backoff.Delay()
	}
	o.backoff.Reset()
	o.problem = ""
	return next
}

func (o *Opener) step(ctx context.Context) (time.Duration, error) {
	if err := o.widen(ctx); err != nil {
		return 0, fmt.Errorf("save the catalog: %w", err)
	}
	var epoch string
	err := bounded(ctx, callTimeout, func(ctx context.Context) (err error) {
		epoch, err = o.Stock.Epoch(ctx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read the epoch: %w", err)
	}
	if epoch != "" {
		return checkEvery, o.adopt(ctx, epoch)
	}
	o.epoch = ""
	o.Metrics.open.Set(0)
	if wait, err := o.fresh(ctx); err != nil || wait > 0 {
		return wait, err
	}
	return checkEvery, o.open(ctx)
}

// adopt brings an arbiter that is open up to the catalog, once an epoch.
func (o *Opener) adopt(ctx context.Context, epoch string) error {
	o.Metrics.open.Set(1)
	if o.epoch == epoch {
		return nil
	}
	if err := o.stock(ctx); err != nil {
		return err
	}
	o.epoch = epoch
	o.Logger.InfoContext(ctx, "Found the sale open", "epoch", epoch)
	// It is too late to refuse, but not to say so.
	return o.checkSettings(ctx)
}

func (o *Opener) open(ctx context.Context) error {
	if err := o.checkSettings(ctx); err != nil {
		return err
	}
	if err := o.stock(ctx); err != nil {
		return err
	}
	epoch := o.NewEpoch()
	if err := bounded(ctx, callTimeout, func(ctx context.Context) error { return o.Stock.Open(ctx, epoch) }); err != nil {
		return fmt.Errorf("open the sale: %w", err)
	}
	o.epoch = epoch
	o.Metrics.open.Set(1)
	o.Logger.InfoContext(ctx, "Opened the sale", "epoch", epoch, telemetry.KeyCount, len(o.events))
	return nil
}

func (o *Opener) checkSettings(ctx context.Context) error {
	if err := bounded(ctx, callTimeout, o.Settings); err != nil {
		return fmt.Errorf("check the arbiter's settings: %w", err)
	}
	return nil
}

// fresh returns nil and no wait where nothing has ever been sold, a wait where that is
// not certain yet, and ErrReservationsLost where it is not so.
func (o *Opener) fresh(ctx context.Context) (time.Duration, error) {
	orders, queued, err := o.sold(ctx)
	if err != nil {
		o.freshSince = time.Time{}
		return 0, err
	}
	if orders > 0 || queued > 0 {
		o.freshSince = time.Time{}
		return 0, fmt.Errorf("%w: the arbiter has no epoch, but there are %d orders in the ledger and %d in the queue",
			ErrReservationsLost, orders, queued)
	}
	now := o.Now()
	if o.freshSince.IsZero() {
		o.freshSince = now
	}
	return max(0, freshFor-now.Sub(o.freshSince)), nil
}

func (o *Opener) sold(ctx context.Context) (int64, int, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	// The queue first: an order leaves it for the ledger, never the other way.
	queued, err := o.Backlog.Depth(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the queue's depth: %w", err)
	}
	orders, err := o.Books.OrderCount(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("count the ledger's orders: %w", err)
	}
	return orders, queued, nil
}

// complain logs a problem when it is a new one; it will be there again at every attempt.
func (o *Opener) complain(ctx context.Context, err error) {
	if ctx.Err() != nil || err.Error() == o.problem {
		return
	}
	o.problem = err.Error()
	if errors.Is(err, ErrReservationsLost) {
		o.Logger.ErrorContext(ctx, "Keeping the sale paused", telemetry.KeyError, err)
		return
	}
	o.Logger.ErrorContext(ctx, "Looking after the sale failed, trying on", telemetry.KeyError, err)
}

func bounded(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return call(ctx)
}
