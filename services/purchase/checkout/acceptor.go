package checkout

import (
	"context"
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
	reservations Reservations
	queue        chan ticketing.OrderID
	metrics      *Metrics
	log          *slog.Logger
}

func newAcceptor(r Reservations, m *Metrics, log *slog.Logger) *acceptor {
	return &acceptor{reservations: r, queue: make(chan ticketing.OrderID, acceptQueue), metrics: m, log: log}
}

// offer hands over an order that the broker has. It never blocks.
func (a *acceptor) offer(id ticketing.OrderID) {
	select {
	case a.queue <- id:
	default:
		a.metrics.notAccepted.Inc()
	}
}

// run works until ctx ends, and then tells what is left in the queue.
func (a *acceptor) run(ctx context.Context) {
	for {
		select {
		case id := <-a.queue:
			a.accept(ctx, a.collect(ctx, id))
		case <-ctx.Done():
			a.flush(context.WithoutCancel(ctx))
			return
		}
	}
}

// collect gathers a batch that begins with first.
func (a *acceptor) collect(ctx context.Context, first ticketing.OrderID) []ticketing.OrderID {
	batch := []ticketing.OrderID{first}
	linger := time.NewTimer(acceptLinger)
	defer linger.Stop()
	for len(batch) < acceptBatch {
		select {
		case id := <-a.queue:
			batch = append(batch, id)
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
		batch := make([]ticketing.OrderID, 0, acceptBatch)
		for len(batch) < acceptBatch && len(a.queue) > 0 {
			batch = append(batch, <-a.queue)
		}
		if !a.accept(ctx, batch) {
			return
		}
	}
}

// accept reports whether the arbiter took the batch.
func (a *acceptor) accept(ctx context.Context, batch []ticketing.OrderID) bool {
	// A batch that has begun is told also while the process stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	if err := a.reservations.Accept(ctx, batch...); err != nil {
		a.metrics.notAccepted.Add(float64(len(batch)))
		a.log.DebugContext(ctx, "Left published orders to the relay", telemetry.KeyCount, len(batch), telemetry.KeyError, err)
		return false
	}
	failpoint.Here(failpoint.AfterAccept)
	return true
}
