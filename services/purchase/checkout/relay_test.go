package checkout_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// output is a log that may be written and read at once.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) count(message string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Count(o.buffer.String(), message)
}

func TestRelayPublishesWhenTheBrokerReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log output
		w := setup(t, func(w *world) {
			restock(w, 1000)
			w.deps.Logger = slog.New(slog.NewJSONHandler(&log, nil))
		})
		background(t, w.relay.Run)
		w.broker.Fail(checkout.ErrUnavailable)
		for i := range 300 {
			p := purchase()
			p.Quantity = 1
			got, err := w.shop.Buy(t.Context(), p, checkout.Key(strconv.Itoa(i)), wait)
			if err != nil || got.State != ticketing.StatePending {
				t.Fatalf("Buy = %s, %v with the broker away", got.State, err)
			}
		}
		time.Sleep(time.Minute)
		if n := w.waitingInOutbox(t); n != 300 {
			t.Fatalf("%d orders in the outbox, want 300", n)
		}
		w.broker.Fail(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if w.waitingInOutbox(t) != 0 || w.queued(t) != 300 {
			t.Errorf("%d in the outbox, %d queued; want 0, 300", w.waitingInOutbox(t), w.queued(t))
		}
		if n := log.count("Relaying the outbox failed"); n != 1 {
			t.Errorf("the outage was logged %d times, want once", n)
		}
	})
}

func TestRelayLeavesYoungOrdersAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, func(w *world) { w.deps.Reservations = &noAccept{w.arbiter} })
		background(t, w.relay.Run)
		_, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
		must(t, err)
		time.Sleep(9 * time.Second)
		if n := w.queued(t); n != 1 {
			t.Errorf("%d messages after 9 s, want the purchase's own", n)
		}
		time.Sleep(2 * time.Second)
		if n := w.queued(t); n != 2 {
			t.Errorf("%d messages after 11 s, want one more", n)
		}
		time.Sleep(10 * time.Second)
		if n := w.queued(t); n != 3 {
			t.Errorf("%d messages after 21 s: an order that stays in the outbox is claimed once in 10 s", n)
		}
	})
}

// counted is a publisher that fails and counts.
type counted struct{ calls atomic.Int64 }

func (c *counted) Publish(context.Context, ticketing.Order) error {
	c.calls.Add(1)
	return checkout.ErrUnavailable
}

func TestRelayDoesNotHammerADeadBroker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var publisher counted
		w := setup(t, func(w *world) {
			restock(w, 1000)
			w.deps.Publisher = &publisher
		})
		for i := range 200 {
			p := purchase()
			p.Quantity = 1
			_, err := w.shop.Buy(t.Context(), p, checkout.Key(strconv.Itoa(i)), 0)
			must(t, err)
		}
		publisher.calls.Store(0)
		background(t, w.relay.Run)
		time.Sleep(30*time.Second + time.Millisecond)
		if n := publisher.calls.Load(); n > 30 {
			t.Errorf("%d publishes in 30 s, want at most one a second", n)
		}
	})
}

func TestRelaySurvivesTheArbiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		background(t, w.relay.Run)
		w.broker.Fail(checkout.ErrUnavailable)
		_, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
		must(t, err)
		w.broker.Fail(nil)
		w.arbiter.Fail(checkout.ErrUnavailable)
		time.Sleep(20 * time.Second)
		w.arbiter.Fail(nil)
		time.Sleep(2 * time.Second)
		if w.waitingInOutbox(t) != 0 || w.queued(t) != 1 {
			t.Errorf("%d in the outbox, %d queued", w.waitingInOutbox(t), w.queued(t))
		}
	})
}
