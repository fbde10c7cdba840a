package fulfil

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/internal/retry"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

// The bounds of every call that the consumer makes, and of its waits.
const (
	pingTimeout   = 2 * time.Second
	openTimeout   = 10 * time.Second
	commitTimeout = 5 * time.Second
	// slowCommit is longer than buyers wait for a commit if they do not say how long.
	slowCommit   = 500 * time.Millisecond
	parkTimeout  = 5 * time.Second
	closeTimeout = 3 * time.Second
	// idleProbe is how often a consumer without orders asks whether the ledger is there,
	// so that the pause is announced before the next buyer waits in vain.
	idleProbe = time.Second
	// holdPoll is how soon a consumer that was held notices that it may go on.
	holdPoll = 50 * time.Millisecond
	// retryCap is short: it bounds how long after the ledger's return the first order is written.
	retryBase = 50 * time.Millisecond
	retryCap  = 2 * time.Second
)

// Why a session is given up. None of them leaves this package.
var (
	errLedgerAway   = errors.New("ledger does not commit")
	errSessionEnded = errors.New("session ended")
	errOutgrown     = errors.New("session has become too small")
	errHeld         = errors.New("consumer is to stay away from the queue")
)

// Deps is what a Consumer works with.
type Deps struct {
	Ledger     Ledger
	Queue      Queue
	Projection Projection
	Logger     *slog.Logger
	Metrics    *Metrics
	Now        func() time.Time
	// Ready is closed once the ledger has its schema. Until then it counts as away.
	Ready <-chan struct{}
	// Hold reports whether the consumer is to leave the queue, and stay away, as soon as it
	// finds nothing in it. Nil means never.
	Hold func() bool
}

// Settings tunes a Consumer. Its zero value is good.
type Settings struct {
	// FirstBatch bounds the batches after a start or a pause; full batches double the bound. 50 if zero.
	FirstBatch int
	// MaxBatch bounds every batch. 500 if zero.
	MaxBatch int
	// Linger is how long a batch waits for more after its first order. 5 ms if zero.
	Linger time.Duration
	// StopWithin bounds the end of the batch in hand once Run's context has ended. 8 s if zero.
	StopWithin time.Duration
}

func (s Settings) withDefaults() Settings {
	s.MaxBatch = cmp.Or(s.MaxBatch, 500)
	s.FirstBatch = min(cmp.Or(s.FirstBatch, 50), s.MaxBatch)
	s.Linger = cmp.Or(s.Linger, 5*time.Millisecond)
	s.StopWithin = cmp.Or(s.StopWithin, 8*time.Second)
	return s
}

// Consumer moves orders from the queue into the ledger.
type Consumer struct {
	Deps
	settings  Settings
	pace      *pace
	announcer *announcer
	projector *projector
	ledger    retry.Backoff
	queue     retry.Backoff
	paused    bool
	unsure    *unsure
}

// New makes a Consumer. Run may be called once.
func New(d Deps, s Settings) *Consumer {
	s = s.withDefaults()
	if d.Hold == nil {
		d.Hold = func() bool { return false }
	}
	return &Consumer{
		Deps: d, settings: s,
		pace:      newPace(s.FirstBatch, s.MaxBatch),
		announcer: newAnnouncer(d.Projection, d.Logger),
		projector: newProjector(d.Projection, d.Logger, d.Metrics),
		ledger:    retry.Backoff{Base: retryBase, Cap: retryCap},
		queue:     retry.Backoff{Base: retryBase, Cap: retryCap},
		unsure:    newUnsure(),
		paused:    true,
	}
}

// Grace is how long Run may take to return once its context has ended.
func (c *Consumer) Grace() time.Duration {
	return c.settings.StopWithin + closeTimeout + 2*settleTimeout
}

// Run consumes until ctx ends; it survives any absence of ledger, queue and
// projection. At the end it finishes the batch in hand, within Settings.StopWithin,
// and gives back what it has not begun. It never returns an error.
func (c *Consumer) Run(ctx context.Context) error {
	var helpers sync.WaitGroup
	helpers.Go(func() { c.announcer.run(ctx) })
	// The projector outlives ctx: it still has to tell of the last batch.
	helpers.Go(func() { c.projector.run(context.WithoutCancel(ctx)) })
	c.Metrics.state(statePaused)
	for c.awaitLedger(ctx) && c.awaitTurn(ctx) {
		if session, prefetch, ok := c.open(ctx); ok {
			c.end(ctx, session, c.serve(ctx, session, prefetch))
		}
	}
	c.Metrics.state(stateStopped)
	c.projector.stop()
	helpers.Wait()
	return nil
}

// awaitLedger returns true once the ledger says that it takes writes, false if ctx ends.
func (c *Consumer) awaitLedger(ctx context.Context) bool {
	select {
	case <-c.Ready:
	default:
		c.pause(ctx, errors.New("schema is not there yet"))
		select {
		case <-c.Ready:
		case <-ctx.Done():
			return false
		}
	}
	for c.ledger.Wait(ctx) {
		err := c.ping(ctx)
		if err == nil {
			return true
		}
		c.ledger.Failed()
		c.pause(ctx, err)
	}
	return false
}

// awaitTurn returns true once the consumer may go to the queue, false if ctx ends.
func (c *Consumer) awaitTurn(ctx context.Context) bool {
	for c.Hold() {
		if !retry.Sleep(ctx, holdPoll) {
			return false
		}
	}
	return ctx.Err() == nil
}

func (c *Consumer) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return c.Ledger.Ping(ctx)
}

// open begins a session and resumes. It reports false if there is none; the ledger must
// then be asked again, since it may have gone away during the wait.
func (c *Consumer) open(ctx context.Context) (Session, int, bool) {
	if !c.queue.Wait(ctx) {
		return nil, 0, false
	}
	prefetch := c.pace.prefetch()
	openCtx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	session, err := c.Queue.Consume(openCtx, prefetch)
	if err != nil {
		c.queue.Failed()
		c.pause(ctx, fmt.Errorf("queue: %w", err))
		return nil, 0, false
	}
	c.resume(ctx)
	return session, prefetch, true
}

// serve takes batches until the session is to be given up, and says why.
func (c *Consumer) serve(ctx context.Context, s Session, prefetch int) error {
	for ctx.Err() == nil {
		batch, err := c.collect(ctx, s, c.pace.batch())
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			if c.Hold() {
				return errHeld
			}
			if err := c.idle(ctx); err != nil {
				return err
			}
			continue
		}
		if err := c.process(ctx, s, batch); err != nil {
			return err
		}
		c.ledger.Reset()
		c.queue.Reset()
		c.pace.committed(len(batch))
		if c.pace.outgrown(prefetch) {
			return errOutgrown
		}
	}
	return ctx.Err()
}

// idle asks an unemployed ledger whether it is still there.
func (c *Consumer) idle(ctx context.Context) error {
	if err := c.ping(ctx); err != nil {
		return fmt.Errorf("%w: %w", errLedgerAway, err)
	}
	c.ledger.Reset()
	c.queue.Reset()
	return nil
}

// end closes a session, which gives back what it holds, and draws the consequence of
// why it ended.
func (c *Consumer) end(ctx context.Context, s Session, why error) {
	switch {
	case ctx.Err() != nil || errors.Is(why, errOutgrown) || errors.Is(why, errHeld):
	case errors.Is(why, errLedgerAway):
		c.ledger.Failed()
		c.pace.slowDown()
		c.pause(ctx, why)
	default:
		c.queue.Failed()
		c.Logger.WarnContext(ctx, "Lost the queue session", telemetry.KeyError, why)
	}
	c.Metrics.sessions.WithLabelValues(sessionResult(why)).Inc()
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := s.Close(closeCtx); err != nil {
		// The broker takes back what a dead session held, so nothing is lost.
		c.Logger.DebugContext(ctx, "Closing the queue session failed", telemetry.KeyError, err)
	}
}

// pause notes and announces, once, that nothing is committed for now.
func (c *Consumer) pause(ctx context.Context, why error) {
	c.announcer.announce(true)
	c.Metrics.state(statePaused)
	if c.paused || ctx.Err() != nil {
		return
	}
	c.paused = true
	c.Logger.WarnContext(ctx, "Paused consumption", telemetry.KeyError, why)
}

func (c *Consumer) resume(ctx context.Context) {
	c.announcer.announce(false)
	c.Metrics.state(stateConsuming)
	if c.paused {
		c.paused = false
		c.Logger.InfoContext(ctx, "Resumed consumption")
	}
}
