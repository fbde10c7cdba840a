package checkout

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/eventflow-dev/eventflow/services/failpoint"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	relayInterval = time.Second
	// relayAge is how long an order must have been in the outbox: longer than any purchase
	// tries to publish it, and than a channel to the broker lives on unnoticed.
	relayAge = 10 * time.Second
	// relayBatch bounds the orders of one claim, relayRounds the claims of one turn.
	relayBatch  = 256
	relayRounds = 32
	// relayParallel bounds the publishes under way.
	relayParallel = 32
	claimTimeout  = time.Second
)

// RelayDeps is what a Relay works with. All of it is needed.
type RelayDeps struct {
	Outbox        Outbox
	Reservations  Reservations
	Cancellations Cancellations
	Publisher     Publisher
	Logger        *slog.Logger
	Metrics       *Metrics
}

// Relay publishes the orders and cancellations that could not be handed to the broker at
// once. Each pod has one; a claim belongs to one of them at a time. An order may reach the broker twice,
// which the ledger does not mind.
type Relay struct {
	d RelayDeps
	// batch is how much the next claim asks for: one order while the broker refuses, so
	// that an outage does not keep making the whole outbox look new.
	batch   int
	failing bool
}

// NewRelay returns a Relay.
func NewRelay(d RelayDeps) *Relay { return &Relay{d: d, batch: 1} }

// Run relays until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	ticker := time.NewTicker(relayInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.turn(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// turn empties the outbox of what is old enough, as far as its bound reaches.
func (r *Relay) turn(ctx context.Context) {
	total := 0
	for range relayRounds {
		n, more := r.round(ctx)
		total += n
		if !more || ctx.Err() != nil {
			break
		}
	}
	if total > 0 {
		r.d.Logger.InfoContext(ctx, "Published orders from the outbox", telemetry.KeyCount, total)
	}
}

// round claims and publishes one batch. It returns how many the broker has taken, and
// whether another round is worth it.
func (r *Relay) round(ctx context.Context) (int, bool) {
	claimCtx, cancel := context.WithTimeout(ctx, claimTimeout)
	orders, err := r.d.Outbox.Claim(claimCtx, relayAge, r.batch)
	cancel()
	if err != nil {
		r.note(ctx, fmt.Errorf("claim from the outbox: %w", err))
		return 0, false
	}
	if len(orders) == 0 {
		return 0, false
	}
	failpoint.Here(failpoint.AfterClaim)
	confirmed, err := r.publish(ctx, orders)
	if len(confirmed) > 0 {
		failpoint.Here(failpoint.AfterRelayPublish)
		r.accept(ctx, confirmed)
	}
	if err != nil {
		r.note(ctx, err)
		return len(confirmed), false
	}
	r.failing = false
	full := len(orders) == r.batch
	r.batch = min(r.batch*2, relayBatch)
	return len(orders), full
}

// publish returns what the broker has confirmed, and the first error.
func (r *Relay) publish(ctx context.Context, orders []ticketing.Order) ([]published, error) {
	var group errgroup.Group
	group.SetLimit(relayParallel)
	confirmed := make([]bool, len(orders))
	for i, order := range orders {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, DefaultPublishBudget)
			defer cancel()
			err := r.d.Publisher.Publish(ctx, order)
			r.d.Metrics.relayed.WithLabelValues(publishResult(err)).Inc()
			if err != nil {
				return fmt.Errorf("publish order %s from the outbox: %w", order.ID, err)
			}
			confirmed[i] = true
			return nil
		})
	}
	err := group.Wait()
	batch := make([]published, 0, len(orders))
	for i, ok := range confirmed {
		if ok {
			batch = append(batch, published{id: orders[i].ID, cancelled: orders[i].Cancelled})
		}
	}
	return batch, err
}

// accept tells the arbiter. Where that fails the orders come back with a later claim.
func (r *Relay) accept(ctx context.Context, batch []published) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	if err := acceptAll(ctx, r.d.Reservations, r.d.Cancellations, batch); err != nil {
		r.d.Metrics.notAccepted.Add(float64(len(batch)))
		r.d.Logger.DebugContext(ctx, "Left relayed orders in the outbox", telemetry.KeyCount, len(batch), telemetry.KeyError, err)
	}
}

// note logs the first failure of a row and begins again with a small batch.
func (r *Relay) note(ctx context.Context, err error) {
	r.batch = 1
	if r.failing || ctx.Err() != nil {
		return
	}
	r.failing = true
	r.d.Logger.WarnContext(ctx, "Relaying the outbox failed", telemetry.KeyError, err)
}
