package checkout

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// How often a Guard looks: soon while it cannot know, seldom once it does.
const (
	guardRetry   = time.Second
	guardRecheck = 30 * time.Second
	guardTimeout = 2 * time.Second
)

// Guard keeps the pod from selling until the arbiter's settings are known to keep what
// a sale promises. A check that cannot be made changes nothing that is known already.
type Guard struct {
	check func(ctx context.Context) error
	log   *slog.Logger
	state atomic.Pointer[ticketing.Error]
}

// NewGuard returns a Guard that is closed until check has succeeded once. check wraps
// ErrUnavailable where the arbiter could not be asked; its other errors name what is wrong.
func NewGuard(check func(ctx context.Context) error, log *slog.Logger) *Guard {
	g := &Guard{check: check, log: log}
	g.state.Store(&ticketing.Error{
		Code: ticketing.CodeStoreUnavailable, RetryAfter: retryAfter,
		Message: "the seat arbiter has not been reached since this pod started",
	})
	return g
}

// Err returns nil where the pod may sell, else a *ticketing.Error that says why not.
func (g *Guard) Err() error {
	if e := g.state.Load(); e != nil {
		return e
	}
	return nil
}

// Run checks until ctx ends.
func (g *Guard) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(g.look(ctx))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// look checks once and returns how long to wait before the next time.
func (g *Guard) look(ctx context.Context) time.Duration {
	checkCtx, cancel := context.WithTimeout(ctx, guardTimeout)
	defer cancel()
	err := g.check(checkCtx)
	switch {
	case err == nil:
		if g.state.Swap(nil) != nil {
			g.log.InfoContext(ctx, "Verified the settings of the seat arbiter")
		}
		return guardRecheck
	case errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
		return guardRetry
	}
	wrong := &ticketing.Error{
		Code: ticketing.CodeSalePaused, RetryAfter: retryAfter,
		Message: "the seat arbiter is not set up to keep what a sale promises",
	}
	if before := g.state.Swap(wrong); before == nil || before.Code != wrong.Code {
		g.log.ErrorContext(ctx, "Stopped selling because of wrong settings of the seat arbiter", telemetry.KeyError, err)
	}
	return guardRetry
}
