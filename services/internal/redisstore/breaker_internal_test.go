package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

var errDead = &net.OpError{Op: "dial", Err: errors.New("refused")}

// TestBreaker follows one breaker through an outage, in the time of a synctest bubble.
func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int64
		var alive atomic.Bool
		b := newBreaker(func() error {
			probes.Add(1)
			if alive.Load() {
				return nil
			}
			return errDead
		})
		for range tripAfter - 1 {
			b.ReportResult(errDead)
		}
		b.ReportResult(nil)
		for range tripAfter {
			if err := b.Allow(); err != nil {
				t.Fatalf("open after too few failures in a row: %v", err)
			}
			b.ReportResult(errDead)
		}
		for range 100 {
			if err := b.Allow(); !errors.Is(err, errKnownDead) {
				t.Fatalf("got %v, want errKnownDead", err)
			}
		}
		synctest.Wait()
		if n := probes.Load(); n != 1 {
			t.Errorf("%d probes at once, want 1", n)
		}
		alive.Store(true)
		time.Sleep(2 * probePause)
		_ = b.Allow() // starts the probe that finds it alive
		synctest.Wait()
		if err := b.Allow(); err != nil {
			t.Errorf("after a good probe: %v", err)
		}
	})
}

func TestBreakerCountsOnlyTheDead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		trip bool
	}{
		"dial":          {errDead, true},
		"end of file":   {fmt.Errorf("read: %w", io.EOF), true},
		"caller left":   {context.Canceled, false},
		"pool is busy":  {redis.ErrPoolTimeout, false},
		"server error":  {redis.ErrNoScript, false},
		"no such value": {redis.Nil, false},
	} {
		b := newBreaker(func() error { return errDead })
		for range tripAfter {
			b.ReportResult(tc.err)
		}
		if b.open != tc.trip {
			t.Errorf("%s: open=%t, want %t", name, b.open, tc.trip)
		}
	}
}
