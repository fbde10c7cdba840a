package fulfil

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/internal/retry"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

const (
	settleTimeout = 2 * time.Second
	// tellTimeout bounds how long a batch's acknowledgement waits for the arbiter.
	tellTimeout = 500 * time.Millisecond
	settleChunk = 500
	// maxUnsettled bounds what is kept for an arbiter that is away: about 10 MiB.
	maxUnsettled = 20_000
)

// projector tells the arbiter what the ledger has decided. It tries once before the batch
// is acknowledged, so that a consumer that dies in between is told of the orders again; what
// cannot be told then is kept in memory and told beside the consumer, never in its way.
//
// What it does not do: settlements beyond maxUnsettled, and those of a process that ends
// while the arbiter is away, are dropped here. The ledger has them; the arbiter then goes
// on showing such an order as ACCEPTED, and as pending in analytics, with its seats
// rightly taken, until a reconciliation of arbiter and ledger finds it.
type projector struct {
	projection Projection
	log        *slog.Logger
	metrics    *Metrics
	backoff    retry.Backoff

	wake    chan struct{}
	stopped chan struct{}
	mu      sync.Mutex
	waiting []Settlement
	// overflown is set from the first drop to the next success, so that it is logged once.
	overflown bool
}

func newProjector(p Projection, log *slog.Logger, m *Metrics) *projector {
	return &projector{
		projection: p, log: log, metrics: m,
		backoff: retry.Backoff{Base: retryBase, Cap: retryCap},
		wake:    make(chan struct{}, 1), stopped: make(chan struct{}),
	}
}

// tell tries once to settle, for as long as an acknowledgement may wait, and hands over
// what it cannot. While others wait already the arbiter is away, and it does not try.
func (p *projector) tell(ctx context.Context, settled []Settlement) {
	if len(settled) == 0 {
		return
	}
	p.mu.Lock()
	behind := len(p.waiting) > 0
	p.mu.Unlock()
	if !behind {
		tellCtx, cancel := context.WithTimeout(ctx, tellTimeout)
		defer cancel()
		if p.projection.Settle(tellCtx, settled) == nil {
			return
		}
		p.metrics.settleFailures.Inc()
	}
	p.add(ctx, settled)
}

// add hands settlements over. It never waits; the oldest are dropped beyond the bound.
func (p *projector) add(ctx context.Context, settled []Settlement) {
	p.mu.Lock()
	p.waiting = append(p.waiting, settled...)
	dropped := max(0, len(p.waiting)-maxUnsettled)
	p.waiting = slices.Delete(p.waiting, 0, dropped)
	p.metrics.unsettled.Set(float64(len(p.waiting)))
	begins := dropped > 0 && !p.overflown
	p.overflown = p.overflown || begins
	p.mu.Unlock()
	p.metrics.unsettledDropped.Add(float64(dropped))
	if begins {
		p.log.ErrorContext(ctx, "Dropping settlements that the arbiter does not take: it needs a reconciliation")
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// stop makes run end once it has tried to tell the rest.
func (p *projector) stop() { close(p.stopped) }

// run tells until stop, and then each remaining chunk once within settleTimeout in all.
func (p *projector) run(ctx context.Context) {
	for {
		select {
		case <-p.stopped:
			p.flush(ctx)
			return
		case <-p.wake:
		}
		p.drain(ctx)
	}
}

// drain tells until nothing waits or the projector is stopped, with a pause after a failure.
func (p *projector) drain(ctx context.Context) {
	for {
		pause := time.NewTimer(p.backoff.Delay())
		select {
		case <-p.stopped:
			pause.Stop()
			return
		case <-pause.C:
		}
		chunk := p.take()
		if len(chunk) == 0 {
			return
		}
		p.settle(ctx, chunk)
	}
}

func (p *projector) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	p.backoff.Reset()
	for !p.backoff.Failing() {
		chunk := p.take()
		if len(chunk) == 0 {
			return
		}
		p.settle(ctx, chunk)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log.WarnContext(ctx, "Ended with settlements that the arbiter does not know", telemetry.KeyCount, len(p.waiting))
}

// settle tells one chunk, or puts it behind the others so that one that always fails
// does not stand in their way.
func (p *projector) settle(ctx context.Context, chunk []Settlement) {
	settleCtx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	err := p.projection.Settle(settleCtx, chunk)
	if err == nil {
		if p.backoff.Failing() {
			p.log.InfoContext(ctx, "Arbiter takes settlements again")
		}
		p.backoff.Reset()
		p.mu.Lock()
		p.overflown = false
		p.mu.Unlock()
		return
	}
	if !p.backoff.Failing() {
		p.log.WarnContext(ctx, "Settling in the arbiter failed, trying on",
			telemetry.KeyCount, len(chunk), telemetry.KeyError, err)
	}
	p.backoff.Failed()
	p.metrics.settleFailures.Inc()
	p.add(ctx, chunk)
}

func (p *projector) take() []Settlement {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(settleChunk, len(p.waiting))
	chunk := slices.Clone(p.waiting[:n])
	p.waiting = slices.Delete(p.waiting, 0, n)
	p.metrics.unsettled.Set(float64(len(p.waiting)))
	return chunk
}
