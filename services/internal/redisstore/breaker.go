package redisstore

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// tripAfter is how many calls in a row must find Redis dead.
	tripAfter = 3
	// probePause is how long the breaker rests between two probes, and as much again at random.
	probePause = 250 * time.Millisecond
)

// errKnownDead is what calls get while Redis is known to be dead.
var errKnownDead = errors.New("redis did not answer lately")

// breaker remembers that Redis is dead, so that callers are told at once instead of
// each waiting for its own timeout. It is the client's Limiter. No caller's request is used to find
// out whether Redis is back: a refused call starts a probe in the background, one at a time, which ends
// within its own timeout. The breaker shortens waiting and decides nothing else.
type breaker struct {
	probe func() error

	mu       sync.Mutex
	failures int
	open     bool
	// busy is true while a probe runs and for a pause after it.
	busy bool
}

var _ redis.Limiter = (*breaker)(nil)

func newBreaker(probe func() error) *breaker { return &breaker{probe: probe} }

// Allow implements redis.Limiter.
func (b *breaker) Allow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return nil
	}
	if !b.busy {
		b.busy = true
		go b.runProbe()
	}
	return errKnownDead
}

func (b *breaker) runProbe() {
	alive := b.probe() == nil
	b.mu.Lock()
	defer b.mu.Unlock()
	if alive {
		b.open, b.busy, b.failures = false, false, 0
		return
	}
	time.AfterFunc(probePause+rand.N(probePause), func() { //nolint:gosec // jitter
		b.mu.Lock()
		defer b.mu.Unlock()
		b.busy = false
	})
}

// ReportResult implements redis.Limiter.
func (b *breaker) ReportResult(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil || redisMessage(err) != "" || errors.Is(err, redis.Nil):
		b.failures = 0
	case isDead(err):
		b.failures++
		if b.failures >= tripAfter {
			b.open = true
		}
	}
}

// isDead reports whether the error says something about Redis rather than about the
// caller, who may have gone away, or the pool, which may be busy.
func isDead(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrClosed) {
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
