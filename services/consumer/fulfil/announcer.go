package fulfil

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/internal/retry"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

const (
	announceTimeout = time.Second
	// announceEvery is how often a pause that lasts is announced again: an arbiter that
	// has lost its data does not know of it any more.
	announceEvery = 5 * time.Second
)

// announcer tells the purchase pods whether the consumer commits. The arbiter through
// which it tells them may be away as well, so it works beside the consumer and goes on
// trying for as long as what it has to say is true.
type announcer struct {
	projection Projection
	log        *slog.Logger
	paused     atomic.Bool
	changed    chan struct{}
	backoff    retry.Backoff
}

func newAnnouncer(p Projection, log *slog.Logger) *announcer {
	return &announcer{
		projection: p, log: log, changed: make(chan struct{}, 1),
		backoff: retry.Backoff{Base: retryBase, Cap: retryCap},
	}
}

// announce says what is true from now on. It never waits.
func (a *announcer) announce(paused bool) {
	a.paused.Store(paused)
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// run tells until ctx ends. A consumer that stops says nothing: another may go on.
func (a *announcer) run(ctx context.Context) {
	again := time.NewTimer(0)
	again.Stop()
	defer again.Stop()
	// told is what the arbiter has last taken; nothing yet.
	var told *bool
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.changed:
			if paused := a.paused.Load(); told != nil && *told == paused {
				continue
			}
		case <-again.C:
		}
		paused := a.paused.Load()
		told = nil
		if a.tell(ctx, paused) {
			told = &paused
		}
		if a.backoff.Failing() || paused {
			again.Reset(a.wait())
		} else {
			again.Stop()
		}
	}
}

func (a *announcer) tell(ctx context.Context, paused bool) bool {
	tellCtx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	err := a.projection.SetPaused(tellCtx, paused)
	if err == nil {
		a.backoff.Reset()
		return true
	}
	if ctx.Err() == nil && !a.backoff.Failing() {
		a.log.WarnContext(ctx, "Announcing the consumer's state failed, trying on", telemetry.KeyError, err)
	}
	a.backoff.Failed()
	return false
}

// wait is how long what was said last may stand.
func (a *announcer) wait() time.Duration {
	if a.backoff.Failing() {
		return a.backoff.Delay()
	}
	return announceEvery
}
