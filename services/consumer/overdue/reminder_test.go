package overdue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/consumer/overdue"
	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("connection refused")

// world is a reminder among the twins, with one order that was accepted.
type world struct {
	t       *testing.T
	arbiter *memory.Arbiter
	broker  *memory.Broker
	order   ticketing.Order
	log     bytes.Buffer
}

func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, arbiter: memory.NewArbiter(time.Now, 10_000), broker: memory.NewBroker(),
			order: storetest.NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "general"}, 1),
		}
		w.arbiter.OpenSale("epoch-1", storetest.Catalog()...)
		_, err := w.arbiter.Reserve(t.Context(), checkout.Reservation{Order: w.order, Fingerprint: "f"})
		if err := errors.Join(err, w.arbiter.Accept(t.Context(), w.order.ID)); err != nil {
			t.Fatal(err)
		}
		reminder := overdue.New(overdue.Deps{
			Backlog: w.broker, Arbiter: w.arbiter, Registerer: prometheus.NewRegistry(),
			Logger: slog.New(slog.NewJSONHandler(&w.log, nil)),
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- reminder.Run(ctx) }()
		test(w)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

// outbox lets time pass and returns how many orders are then in the outbox.
func (w *world) outbox(t *testing.T, after time.Duration) int {
	t.Helper()
	time.Sleep(after)
	synctest.Wait()
	shelf, err := w.arbiter.Shelf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return shelf.Outbox
}

func TestReminderPutsOverdueOrdersIntoTheOutbox(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		if n := w.outbox(t, 59*time.Second); n != 0 {
			t.Errorf("%d orders in the outbox before their time", n)
		}
		if n := w.outbox(t, 17*time.Second); n != 1 {
			t.Errorf("%d orders in the outbox, want the overdue one", n)
		}
		if n := w.outbox(t, time.Hour); n != 1 {
			t.Errorf("%d orders in the outbox an hour later", n)
		}
		if n := strings.Count(w.log.String(), "Put overdue orders into the outbox again"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
	})
}

// An order that waits in the queue is on its way, however long the ledger is away.
func TestReminderLeavesAQueueAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		w.broker.PublishRaw([]byte("an order"))
		if n := w.outbox(t, 24*time.Hour); n != 0 {
			t.Errorf("%d orders in the outbox although the queue is not empty", n)
		}
	})
}

func TestReminderSurvivesTheStores(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(w *world, err error){
		"broker away":  func(w *world, err error) { w.broker.Fail(err) },
		"arbiter away": func(w *world, err error) { w.arbiter.Fail(err) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				fault(w, errAway)
				time.Sleep(time.Hour)
				fault(w, nil)
				if n := w.outbox(t, 16*time.Second); n != 1 {
					t.Errorf("%d orders in the outbox after the return, want 1", n)
				}
				if n := strings.Count(w.log.String(), "Looking for overdue orders failed"); n != 1 {
					t.Errorf("the outage was logged %d times, want once", n)
				}
			})
		})
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	overdue.New(overdue.Deps{Registerer: registry})
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
