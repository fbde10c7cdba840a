package overdue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/eventflow-dev/eventflow/services/consumer/internal/retry"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

const (
	// interval is the time between two looks.
	interval = 15 * time.Second
	// age is how long an order must have been accepted. An order that the queue has not is
	// in the hands of a consumer, for seconds, or of nobody.
	age         = time.Minute
	callTimeout = 5 * time.Second
	// batch bounds one reminder; rounds bounds the reminders of one look.
	batch  = 1000
	rounds = 20
)

// Backlog tells what the queue holds.
type Backlog interface {
	// State tells how many orders are ready in the queue, and how many consumers it has.
	State(ctx context.Context) (ready, consumers int, err error)
}

// Arbiter knows which orders were accepted and not settled.
type Arbiter interface {
	// Remind puts up to limit orders, accepted at least age ago and not settled, into the
	// outbox again, the oldest first, and returns how many.
	Remind(ctx context.Context, age time.Duration, limit int) (int, error)
}

// Deps is what a Reminder works with. All of it is needed.
type Deps struct {
	Backlog    Backlog
	Arbiter    Arbiter
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Reminder looks for overdue orders.
type Reminder struct {
	d        Deps
	reminded prometheus.Counter
	failing  bool
}

// New returns a Reminder.
func New(d Deps) *Reminder {
	return &Reminder{d: d, reminded: promauto.With(d.Registerer).NewCounter(prometheus.CounterOpts{
		Name: "eventflow_consumer_overdue_total",
		Help: "Accepted orders that were published again because the ledger never got them.",
	})}
}

// Run looks until ctx ends. It never returns an error.
func (r *Reminder) Run(ctx context.Context) error {
	for retry.Sleep(ctx, interval) {
		if err := r.look(ctx); err != nil {
			r.complain(ctx, err)
			continue
		}
		r.failing = false
	}
	return nil
}

// look reminds of what is overdue, unless orders wait in the queue: then it may well be
// among them. A queue that somebody ought to empty and nobody does shows in its depth.
func (r *Reminder) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ready, _, err := r.d.Backlog.State(ctx)
	if err != nil {
		return fmt.Errorf("read the queue's depth: %w", err)
	}
	if ready > 0 {
		return nil
	}
	total := 0
	for range rounds {
		n, err := r.d.Arbiter.Remind(ctx, age, batch)
		if err != nil {
			return err
		}
		total += n
		if n < batch {
			break
		}
	}
	if total > 0 {
		r.reminded.Add(float64(total))
		r.d.Logger.WarnContext(ctx, "Put overdue orders into the outbox again", telemetry.KeyCount, total)
	}
	return nil
}

// complain logs the first failure of a row.
func (r *Reminder) complain(ctx context.Context, err error) {
	if r.failing || ctx.Err() != nil {
		return
	}
	r.failing = true
	r.d.Logger.WarnContext(ctx, "Looking for overdue orders failed, trying on", telemetry.KeyError, err)
}
