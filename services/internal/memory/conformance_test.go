package memory_test

import (
	"sync"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// fakeClock is a clock that tests move.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Elapse(t *testing.T, d time.Duration) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestLedger(t *testing.T) {
	t.Parallel()
	storetest.RunLedger(t, func(t *testing.T) storetest.Ledger {
		t.Helper()
		clock := newFakeClock()
		l := memory.NewLedger(clock.Now)
		return storetest.Ledger{Ledger: l, Orders: l, Shop: l, Opening: l, Reports: l, Emails: l, Elapse: clock.Elapse}
	})
}

func openArbiter(t *testing.T, outboxLimit int) storetest.Arbiter {
	t.Helper()
	clock := newFakeClock()
	a := memory.NewArbiter(clock.Now, outboxLimit)
	return storetest.Arbiter{
		Pod: a, NewPod: func() storetest.Pod { return a.NewPod() },
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

func TestReservations(t *testing.T) {
	t.Parallel()
	storetest.RunReservations(t, openArbiter)
}

func TestCancellations(t *testing.T) {
	t.Parallel()
	storetest.RunCancellations(t, openArbiter)
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	storetest.RunOutbox(t, openArbiter)
}

func TestProjection(t *testing.T) {
	t.Parallel()
	storetest.RunProjection(t, openArbiter)
}

func TestStock(t *testing.T) {
	t.Parallel()
	storetest.RunStock(t, openArbiter)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	storetest.RunLimits(t, openArbiter)
}

//nolint:paralleltest // a crowd needs the processor to itself
func TestCrowd(t *testing.T) { storetest.RunCrowd(t, openArbiter) }

func TestBroker(t *testing.T) {
	t.Parallel()
	storetest.RunBroker(t, func(t *testing.T) storetest.Broker {
		t.Helper()
		b := memory.NewBroker()
		return storetest.Broker{
			Publisher: b, Queue: b, Backlog: b,
			PublishRaw: func(t *testing.T, body []byte) {
				t.Helper()
				b.PublishRaw(body)
			},
			DeadLetters: func(t *testing.T) []storetest.DeadLetter {
				t.Helper()
				var all []storetest.DeadLetter
				for _, d := range b.DeadLetters() {
					all = append(all, storetest.DeadLetter{Body: string(d.Body), Reason: d.Reason})
				}
				return all
			},
			Disconnect: func(t *testing.T) {
				t.Helper()
				b.Disconnect()
			},
		}
	})
}
