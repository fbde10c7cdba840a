package checkout_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	node = "purchase-0"
	wait = 300 * time.Millisecond
)

// front is a storefront that the test says what is in.
type front struct {
	event   ticketing.Event
	loaded  bool
	paused  atomic.Bool
	closing error
}

func (f *front) Event(id string) (ticketing.Event, bool) {
	return f.event, f.loaded && id == f.event.ID
}
func (f *front) Loaded() bool { return f.loaded }
func (f *front) Paused() bool { return f.paused.Load() }
func (f *front) Err() error   { return f.closing }

func aurora(capacity int) ticketing.Event {
	return ticketing.Event{ID: "aurora", Name: "Aurora", Tiers: []ticketing.Tier{
		{ID: "general", Name: "General", Price: ticketing.Money{Amount: 4500, Currency: "EUR"}, Capacity: capacity},
	}}
}

func purchase() ticketing.Purchase {
	return ticketing.Purchase{EventID: "aurora", TierID: "general", Quantity: 2, Email: "ada@example.com", Name: "Ada"}
}

// world is one shop with its stores.
type world struct {
	shop     *checkout.Service
	relay    *checkout.Relay
	front    *front
	arbiter  *memory.Arbiter
	broker   *memory.Broker
	ledger   *memory.Ledger
	registry *prometheus.Registry
	deps     checkout.Deps
}

// setup makes a world with 10 seats on sale and an open arbiter. change may put other
// parts in before the shop is made. It must run in a synctest bubble.
func setup(t *testing.T, change func(*world)) *world {
	t.Helper()
	identity, err := checkout.NewIdentity(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		front:   &front{event: aurora(10), loaded: true},
		arbiter: memory.NewArbiter(time.Now, 1000), broker: memory.NewBroker(), ledger: memory.NewLedger(time.Now),
		registry: prometheus.NewRegistry(),
	}
	w.arbiter.OpenSale("epoch-1", w.front.event)
	must(t, w.broker.Admit(t.Context(), "epoch-1"))
	w.deps = checkout.Deps{
		Storefront: w.front, Pipeline: w.front, Gate: w.front,
		Reservations: w.arbiter, Cancellations: w.arbiter, Publisher: w.broker, Ledger: w.ledger,
		Identity: identity, Node: node, Clock: time.Now, Logger: slog.New(slog.DiscardHandler),
		Metrics: checkout.NewMetrics(w.registry),
	}
	if change != nil {
		change(w)
	}
	w.shop = checkout.New(w.deps)
	w.relay = checkout.NewRelay(checkout.RelayDeps{
		Outbox: w.arbiter, Reservations: w.deps.Reservations, Cancellations: w.deps.Cancellations, Publisher: w.deps.Publisher,
		Logger: w.deps.Logger, Metrics: w.deps.Metrics,
	})
	background(t, w.shop.Run)
	background(t, func(ctx context.Context) error { return w.arbiter.Announcements(node).Run(ctx, w.shop.Settle) })
	synctest.Wait() // until the pod listens
	return w
}

// background runs work until the test ends.
func background(t *testing.T, work func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- work(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
}

// consume settles every order that reaches the broker, after the delay.
func (w *world) consume(t *testing.T, state ticketing.State, delay time.Duration) {
	t.Helper()
	background(t, func(ctx context.Context) error {
		session, err := w.broker.Consume(ctx, 100)
		if err != nil {
			return err
		}
		for {
			select {
			case d := <-session.Deliveries():
				order, err := ticketing.DecodeOrder(d.Body)
				if err != nil {
					return err
				}
				time.Sleep(delay)
				if err := w.arbiter.Settle(ctx, []fulfil.Settlement{{Order: order, State: state, New: true}}); err != nil {
					return err
				}
			case <-ctx.Done():
				return nil
			}
		}
	})
}

// restock changes what is on sale, for the pods and for the arbiter.
func (w *world) restock(t *testing.T, change func(*ticketing.Event)) {
	t.Helper()
	change(&w.front.event)
	must(t, w.arbiter.Stock(t.Context(), []ticketing.Event{w.front.event}))
}

// close ends the sale.
func (w *world) close(t *testing.T) {
	t.Helper()
	w.restock(t, func(e *ticketing.Event) { e.SalesClose = time.Now() })
}

// left returns what the pool has left.
func (w *world) left(t *testing.T) int {
	t.Helper()
	shelf, err := w.arbiter.Shelf(t.Context())
	must(t, err)
	return shelf.Stock[ticketing.TierKey{EventID: "aurora", TierID: "general"}]
}

// waitingInOutbox returns how many orders the broker has not confirmed.
func (w *world) waitingInOutbox(t *testing.T) int {
	t.Helper()
	shelf, err := w.arbiter.Shelf(t.Context())
	must(t, err)
	return shelf.Outbox
}

func (w *world) queued(t *testing.T) int {
	t.Helper()
	n, _, err := w.broker.State(t.Context())
	must(t, err)
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// counting counts the calls of an arbiter.
type counting struct {
	checkout.Reservations
	reserve, accept atomic.Int64
}

func (c *counting) Reserve(ctx context.Context, r checkout.Reservation) (checkout.Outcome, error) {
	c.reserve.Add(1)
	return c.Reservations.Reserve(ctx, r)
}

func (c *counting) Accept(ctx context.Context, ids ...ticketing.OrderID) error {
	c.accept.Add(1)
	return c.Reservations.Accept(ctx, ids...)
}

// hanging is a publisher whose broker never answers.
type hanging struct{}

func (hanging) Publish(ctx context.Context, _ ticketing.Order) error {
	<-ctx.Done()
	return ctx.Err()
}

// renew makes the shop anew from changed parts, as a pod that restarts does.
func (w *world) renew(t *testing.T) {
	t.Helper()
	w.deps.Metrics = checkout.NewMetrics(prometheus.NewRegistry())
	w.shop = checkout.New(w.deps)
	background(t, w.shop.Run)
}

// forgetful is a broker before which the arbiter loses its data, and which then takes
// nothing of the lost epoch.
type forgetful struct{ w *world }

func (f forgetful) Publish(ctx context.Context, o ticketing.Order) error {
	f.w.arbiter.Forget()
	if err := f.w.broker.Fence(ctx, o.Epoch); err != nil {
		return err
	}
	return f.w.broker.Publish(ctx, o)
}
