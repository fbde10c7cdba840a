// Package retry holds the waiting between attempts: exponential back-off with full
// jitter, so that whoever failed together does not come back together. It must not
// know what is being tried.
package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff counts failures in a row and says how long to wait before the next attempt.
// The zero value never waits. It belongs to one goroutine.
type Backoff struct {
	// Base bounds the wait after the first failure; each further one doubles the bound.
	Base time.Duration
	// Cap bounds every wait.
	Cap time.Duration

	failures int
}

// Failed notes a failure.
func (b *Backoff) Failed() { b.failures++ }

// Reset forgets the failures: the next attempt need not wait.
func (b *Backoff) Reset() { b.failures = 0 }

// Failing reports whether the last attempt failed.
func (b *Backoff) Failing() bool { return b.failures > 0 }

// Delay draws the wait before the next attempt, evenly from zero to the present bound
// (full jitter). It is zero where nothing has failed.
func (b *Backoff) Delay() time.Duration {
	limit := b.bound()
	if limit <= 0 {
		return 0
	}
	return time.Duration(rand.Int64N(int64(limit) + 1)) //nolint:gosec // it spreads load and keeps no secret
}

func (b *Backoff) bound() time.Duration {
	if b.failures == 0 {
		return 0
	}
	limit := b.Base
	for range b.failures - 1 {
		if limit >= b.Cap {
			break
		}
		limit *= 2
	}
	return min(limit, b.Cap)
}

// Wait waits for Delay and reports whether ctx lives on.
func (b *Backoff) Wait(ctx context.Context) bool { return Sleep(ctx, b.Delay()) }

// Sleep waits for d or until ctx ends, and reports whether ctx lives on.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// Outlive returns a context that ends grace after parent does: what is in hand is
// finished, but not for ever. The caller must call the returned function.
func Outlive(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		Sleep(ctx, grace)
		cancel()
	})
	return ctx, func() {
		stop()
		cancel()
	}
}
