package checkout

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/eventflow-dev/eventflow/services/failpoint"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// acceptQueue bounds the orders whose acceptance the arbiter has not been told yet.
	acceptQueue = 8192
	// acceptBatch bounds the orders of one call.
	acceptBatch = 256
	// acceptLinger is how long a batch waits for company: nobody waits for it, and each
	// call costs the arbiter a flush to disk.
	acceptLinger = 5 * time.Millisecond
	// acceptTimeout bounds one call.
	acceptTimeout = time.Second
)

// acceptor tells the arbiter in the background which orders the broker has. What it
// cannot tell, because the queue is full or the arbiter away, stays in the outbox: the
// relay publishes it once more, which is harmless.
type acceptor struct {
	reservations  Reservations
	cancellations Cancellations
	queue         chan published
	metrics       *Metrics
	log           *slog.Logger
}

// published is an order that the broker has, or its cancellation.
type published struct {
	id        ticketing.OrderID
	cancelled bool
}

func newAcceptor(r Reservations, c Cancellations, m *Metrics, log *slog.Logger) *acceptor {
	return &acceptor{reservations: r, cancellations: c, queue: make(chan published, acceptQueue), metrics: m, log: log}
}

// offer hands over an order, or a cancellation, that the broker has. It never blocks.
func (a *acceptor) offer(o ticketing.Order) {
	select {
	case a.queue <- published{id: o.ID, cancelled: o.Cancelled}:
	default:
		a.metrics.notAccepted.Inc()
	}
}

// run works until ctx ends, and then tells what is left in the queue.
func (a *acceptor) run(ctx context.Context) {
	for {
		select {
		case first := <-a.queue:
			a.accept(ctx, a.collect(ctx, first))
		case <-ctx.Done():
			a.flush(context.WithoutCancel(ctx))
			return
		}
	}
}

// collect gathers a batch that begins with first.
func (a *acceptor) collect(ctx context.Context, first published) []published {
	batch := []published{first}
	linger := time.NewTimer(acceptLinger)
	defer linger.Stop()
	for len(batch) < acceptBatch {
		select {
		case p := <-a.queue:
			batch = append(batch, p)
		case <-linger.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// flush tells what is in the queue when the intake has stopped, in one try each.
func (a *acceptor) flush(ctx context.Context) {
	for len(a.queue) > 0 {
		batch := make([]published, 0, acceptBatch)
		for len(batch) < acceptBatch && len(a.queue) > 0 {
			batch = append(batch, <-a.queue)
		}
		if !a.accept(ctx, batch) {
			return
		}
	}
}

// accept reports whether the arbiter took the batch.
func (a *acceptor) accept(ctx context.Context, batch []published) bool {
	// A batch that has begun is told also while the process stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	if err := acceptAll(ctx, a.reservations, a.cancellations, batch); err != nil {
		a.metrics.notAccepted.Add(float64(len(batch)))
		a.log.DebugContext(ctx, "Left published orders to the relay", telemetry.KeyCount, len(batch), telemetry.KeyError, err)
		return false
	}
	failpoint.Here(failpoint.AfterAccept)
	return true
}

// acceptAll tells the arbiter that the broker has the batch. It may be repeated.
func acceptAll(ctx context.Context, r Reservations, c Cancellations, batch []published) error {
	var orders, cancelled []ticketing.OrderID
	for _, p := range batch {
		if p.cancelled {
			cancelled = append(cancelled, p.id)
		} else {
			orders = append(orders, p.id)
		}
	}
	var err error
	if len(orders) > 0 {
		err = r.Accept(ctx, orders...)
	}
	if len(cancelled) > 0 {
		err = errors.Join(err, c.AcceptCancel(ctx, cancelled...))
	}
	return err
}
