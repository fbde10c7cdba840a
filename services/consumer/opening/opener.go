package opening

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
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
	checkEvery = time.Second
	// admitEvery is how soon a broker that has lost its data takes orders again.
	admitEvery = 5 * time.Second
	// retryCap bounds the pause between attempts.
	retryCap = 5 * time.Second
)

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

// Metrics says whether the sale is open, and how often it was opened.
type Metrics struct {
	open     prometheus.Gauge
	rebuilds prometheus.Counter
}

// NewMetrics registers the metrics of an Opener.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	factory := promauto.With(registerer)
	return &Metrics{
		open: factory.NewGauge(prometheus.GaugeOpts{
			Name: "eventflow_consumer_sale_open",
			Help: "1 while the consumer finds the arbiter open for sale; 0 before its first look.",
		}),
		rebuilds: factory.NewCounter(prometheus.CounterOpts{
			Name: "eventflow_consumer_rebuilds_total",
			Help: "How often this process filled the arbiter from the ledger: the first opening, and each loss of its data.",
		}),
	}
}

// Opener opens the sale and watches that it stays open. An arbiter that has no epoch has
// lost its data, or never had any: the Opener fills it from the ledger and opens a new one.
type Opener struct {
	Deps
	events  []ticketing.Event
	ready   chan struct{}
	backoff retry.Backoff
	// hold keeps the consumer away from the queue.
	hold atomic.Bool
	// widened reports whether the ledger has every capacity of the catalog, or more.
	widened bool
	// epoch is the last one seen that the ledger, the queue and the stock agree on, ""
	// where there is none.
	epoch string
	// token names the rebuild under way, lost is the epoch that it ended; "" for none.
	token, lost string
	// admittedAt is when the queue was last told which epoch it takes.
	admittedAt time.Time
	// drainedSince is since when nothing is on its way to the ledger; zero while something is.
	drainedSince time.Time
	isReady      bool
	problem      string
}

// New makes an Opener for a catalog, which must be valid.
func New(d Deps, events []ticketing.Event) (*Opener, error) {
	if err := ticketing.ValidateCatalog(events); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return &Opener{
		Deps: d, events: events, ready: make(chan struct{}),
		backoff: retry.Backoff{Base: retryBase, Cap: retryCap},
	}, nil
}

// Ready is closed once the ledger has its schema and a catalog. An order that is
// committed before would be rejected for its unknown tier.
func (o *Opener) Ready() <-chan struct{} { return o.ready }

// Hold reports whether the consumer is to leave the queue, and stay away, as soon as it
// finds nothing in it: only a queue without consumers is known to be drained.
func (o *Opener) Hold() bool { return o.hold.Load() }

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
		o.release()
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
	epoch, err := answer(ctx, o.Stock.Epoch)
	if err != nil {
		return 0, fmt.Errorf("read the arbiter's epoch: %w", err)
	}
	if epoch != "" && epoch == o.epoch {
		return checkEvery, o.keepAdmitted(ctx)
	}
	o.epoch = ""
	o.Metrics.open.Set(0)
	// The ledger has the last word about which epoch is open: an arbiter may come back
	// with data that is older than its last life.
	open, err := answer(ctx, func(ctx context.Context) (string, error) { return o.Books.OpenEpoch(ctx, epoch) })
	switch {
	case err != nil:
		return 0, fmt.Errorf("read the ledger's epoch: %w", err)
	case epoch != "" && epoch == open:
		return checkEvery, o.adopt(ctx, epoch)
	default:
		return o.rebuild(ctx, epoch, open)
	}
}

// adopt brings an arbiter that is open up to the catalog, once an epoch.
func (o *Opener) adopt(ctx context.Context, epoch string) error {
	o.release()
	o.Metrics.open.Set(1)
	if err := o.admit(ctx, epoch); err != nil {
		return err
	}
	if err := o.stock(ctx); err != nil {
		return err
	}
	o.epoch = epoch
	o.Logger.InfoContext(ctx, "Found the sale open", "epoch", epoch)
	// It is too late to refuse, but not to say so.
	return o.checkSettings(ctx)
}

// admit lets orders of the epoch into the queue.
func (o *Opener) admit(ctx context.Context, epoch string) error {
	if err := bounded(ctx, callTimeout, func(ctx context.Context) error { return o.Backlog.Admit(ctx, epoch) }); err != nil {
		return fmt.Errorf("let orders into the queue: %w", err)
	}
	o.admittedAt = o.Now()
	return nil
}

// keepAdmitted tells the queue again every now and then: it may have lost its data.
func (o *Opener) keepAdmitted(ctx context.Context) error {
	if o.Now().Sub(o.admittedAt) < admitEvery {
		return nil
	}
	return o.admit(ctx, o.epoch)
}

func (o *Opener) checkSettings(ctx context.Context) error {
	if err := bounded(ctx, callTimeout, o.Settings); err != nil {
		return fmt.Errorf("check the arbiter's settings: %w", err)
	}
	return nil
}

// complain logs a problem when it is a new one; it will be there again at every attempt.
func (o *Opener) complain(ctx context.Context, err error) {
	if ctx.Err() != nil || err.Error() == o.problem {
		return
	}
	o.problem = err.Error()
	o.Logger.ErrorContext(ctx, "Looking after the sale failed, trying on", telemetry.KeyError, err)
}

func bounded(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return call(ctx)
}

// answer is bounded for a call that returns something.
func answer[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return call(ctx)
}
