package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// Clock is a clock that tests move.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at a moment in the tests' past.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)}
}

// Now returns where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Elapse moves the clock on.
func (c *Clock) Elapse(t *testing.T, d time.Duration) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// OpenTwin is OpenArbiter for the in-memory twin.
func OpenTwin(t *testing.T, outboxLimit int) Arbiter {
	t.Helper()
	clock := NewClock()
	a := memory.NewArbiter(clock.Now, outboxLimit)
	return Arbiter{
		Pod: a, NewPod: func() Pod { return a.NewPod() },
		Ledger: a, Shelf: a, Stock: a, Overdue: a, Backlog: a,
		Listen: func(t *testing.T, node string) <-chan []checkout.Settlement {
			t.Helper()
			heard := make(chan []checkout.Settlement, 16)
			t.Cleanup(a.Announcements(node).Subscribe(func(s []checkout.Settlement) { heard <- s }))
			return heard
		},
		SetEpoch: func(t *testing.T, epoch string) {
			t.Helper()
			a.SetEpoch(epoch)
		},
		Forget: func(t *testing.T) {
			t.Helper()
			a.Forget()
		},
		Now: func(t *testing.T) time.Time {
			t.Helper()
			return clock.Now()
		},
		Elapse: clock.Elapse,
	}
}
