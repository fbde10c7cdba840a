package opening_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("connection refused")

var general = ticketing.TierKey{EventID: "aurora", TierID: "general"}

func catalog(capacity int) []ticketing.Event {
	return []ticketing.Event{{
		ID: "aurora", Name: "Aurora", StartsAt: time.Date(2027, 6, 1, 20, 0, 0, 0, time.UTC),
		Tiers: []ticketing.Tier{{ID: "general", Name: "General", Price: ticketing.Money{Amount: 4500, Currency: "EUR"}, Capacity: capacity}},
	}}
}

// world is an opener among the twins of the stores, in a bubble of virtual time.
type world struct {
	t        *testing.T
	ledger   *books
	arbiter  *stock
	broker   *memory.Broker
	settings error
	log      *journal
	registry *prometheus.Registry
	mu       sync.Mutex // guards settings
	epochs   atomic.Int64
	// perOrder is how long a consumer takes for one order.
	perOrder time.Duration
}

// journal is a log that several openers write and the test reads.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// trail is the capacities in the order in which the stores were given them.
type trail struct {
	mu    sync.Mutex
	steps []string
}

func (t *trail) add(store string, events []ticketing.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, fmt.Sprintf("%s %d", store, events[0].Tiers[0].Capacity))
}

// take returns the steps and forgets them.
func (t *trail) take() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	steps := t.steps
	t.steps = nil
	return steps
}

// books is the twin of the ledger that can refuse a catalog, and notes capacities.
type books struct {
	*memory.Ledger
	refuse error
	trail  *trail
}

func (b *books) SaveCatalog(ctx context.Context, events []ticketing.Event) error {
	if b.refuse != nil {
		return b.refuse
	}
	err := b.Ledger.SaveCatalog(ctx, events)
	if err == nil {
		b.trail.add("ledger", events)
	}
	return err
}

// stock is the twin of the arbiter that notes capacities.
type stock struct {
	*memory.Arbiter
	trail *trail
}

func (s *stock) Stock(ctx context.Context, events []ticketing.Event) error {
	err := s.Arbiter.Stock(ctx, events)
	if err == nil {
		s.trail.add("arbiter", events)
	}
	return err
}

func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		trail := &trail{}
		test(&world{
			t:       t,
			ledger:  &books{Ledger: memory.NewLedger(time.Now), trail: trail},
			arbiter: &stock{Arbiter: memory.NewArbiter(time.Now, 100), trail: trail},
			broker:  memory.NewBroker(), log: &journal{}, registry: prometheus.NewRegistry(),
		})
	})
}

// opener returns one that runs until the test ends.
func (w *world) opener(t *testing.T, events []ticketing.Event) *opening.Opener {
	t.Helper()
	return w.openerWith(t, events, w.arbiter)
}

func (w *world) openerWith(t *testing.T, events []ticketing.Event, arbiter opening.Stock) *opening.Opener {
	t.Helper()
	w.registry = prometheus.NewRegistry()
	o, err := opening.New(opening.Deps{
		Books: w.ledger, Backlog: w.broker, Stock: arbiter, Now: time.Now,
		Settings: func(context.Context) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.settings
		},
		Logger:  slog.New(slog.NewJSONHandler(w.log, nil)),
		Metrics: opening.NewMetrics(w.registry),
		NewEpoch: func() string {
			return fmt.Sprintf("epoch-%d", w.epochs.Add(1))
		},
	}, events)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return o
}

// start runs an opener and returns what ends it.
func start(t *testing.T, o *opening.Opener) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := o.Run(ctx); err != nil {
			t.Errorf("Run returned %v", err)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

func advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) epoch(t *testing.T) string {
	t.Helper()
	epoch, err := w.arbiter.Epoch(t.Context())
	if err != nil {
		t.Fatalf("epoch: %v", err)
	}
	return epoch
}

func (w *world) left(t *testing.T) int {
	t.Helper()
	shelf, err := w.arbiter.Shelf(t.Context())
	if err != nil {
		t.Fatalf("shelf: %v", err)
	}
	return shelf.Stock[general]
}

func order(n int) ticketing.Order {
	return ticketing.Order{
		ID: ticketing.OrderID(fmt.Sprintf("00000000-0000-8000-8000-%012d", n)), EventID: "aurora", TierID: "general", Quantity: 1,
		Total: ticketing.Money{Amount: 4500, Currency: "EUR"}, Epoch: "epoch-1",
	}
}

func (w *world) sell(t *testing.T, n int) {
	t.Helper()
	if _, err := w.ledger.Commit(t.Context(), []ticketing.Order{order(n)}); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// enqueue puts an order into the queue, as one of the first epoch's is.
func (w *world) enqueue(t *testing.T, n int) {
	t.Helper()
	body, err := ticketing.EncodeOrder(order(n))
	if err != nil {
		t.Fatal(err)
	}
	w.broker.PublishRaw(body)
}

// consume does what a consumer does, until the test ends: it writes what is in the queue to
// the ledger, and is away while it is to be and has nothing to do.
func (w *world) consume(t *testing.T, o *opening.Opener) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if o.Hold() || !w.serve(ctx, t, o) {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// serve is one session. It reports whether another one may follow at once.
func (w *world) serve(ctx context.Context, t *testing.T, o *opening.Opener) bool {
	t.Helper()
	session, err := w.broker.Consume(ctx, 10)
	if err != nil {
		return false
	}
	defer func() { _ = session.Close(ctx) }()
	for {
		select {
		case d, open := <-session.Deliveries():
			if !open {
				return true
			}
			time.Sleep(w.perOrder)
			order, err := ticketing.DecodeOrder(d.Body)
			if err == nil {
				_, err = w.ledger.Commit(ctx, []ticketing.Order{order})
			}
			if err != nil {
				return false
			}
			_ = session.AckUpTo(d.Tag)
		case <-time.After(time.Second):
			if o.Hold() {
				return true
			}
		case <-ctx.Done():
			return true
		}
	}
}

func (w *world) gauge(t *testing.T) float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	for _, family := range families {
		if family.GetName() == "eventflow_consumer_sale_open" {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("the metric is not among %d", len(families))
	return 0
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// reserve takes one seat and brings its order into the ledger.
func reserve(t *testing.T, w *world) {
	t.Helper()
	outcome, err := w.arbiter.Reserve(t.Context(), checkout.Reservation{Order: order(1), Fingerprint: "f"})
	if err != nil || outcome.Verdict != checkout.Reserved {
		t.Fatalf("reserve: %+v, %v", outcome, err)
	}
	w.sell(t, 1)
}
