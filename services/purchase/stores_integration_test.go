//go:build integration

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

// patience bounds how long a state of the world may take to come about.
const patience = time.Minute

// world is the service on real stores, with the least of a consumer.
type world struct {
	*process
	postgres *containers.Postgres
	redis    *containers.Redis
	rabbitmq *containers.RabbitMQ

	ledger     *postgres.Ledger
	projection *redisstore.Projection
	queue      *rabbitmq.Queue
	bought     int
}

// answer is what every kind of answer may have in it.
type answer struct {
	Status  any    `json:"status"`
	Code    string `json:"code"`
	OrderID string `json:"order_id"`
	Source  string `json:"source"`
	Stale   bool   `json:"stale"`
	Mode    string `json:"mode"`
	code    int
	took    time.Duration
	// buyer is who bought, in an answer to a purchase.
	buyer int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	w := &world{}
	for name, start := range map[string]func() (*containers.Container, error){
		"postgres": func() (c *containers.Container, err error) {
			if w.postgres, err = containers.StartPostgres(ctx); err == nil {
				c = w.postgres.Container
			}
			return c, err
		},
		"redis": func() (c *containers.Container, err error) {
			if w.redis, err = containers.StartRedis(ctx); err == nil {
				c = w.redis.Container
			}
			return c, err
		},
		"rabbitmq": func() (c *containers.Container, err error) {
			if w.rabbitmq, err = containers.StartRabbitMQ(ctx); err == nil {
				c = w.rabbitmq.Container
			}
			return c, err
		},
	} {
		c, err := start()
		if err != nil {
			t.Fatalf("start %s: %v", name, err)
		}
		t.Cleanup(func() { must(t, c.Remove(ctx)) })
	}
	w.open(t)
	w.process = start(t, environ(t, map[string]string{
		"EVENTFLOW_POSTGRES_URL_FILE": w.postgres.URL(),
		"EVENTFLOW_REDIS_URL_FILE":    w.redis.URL(),
		"EVENTFLOW_RABBITMQ_URL_FILE": w.rabbitmq.URL(),
		"EVENTFLOW_RATE_LIMIT":        "0", // all buyers of a test share one address
	}))
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		w.stop()
		must(t, <-w.ended)
	})
	return w
}

// open puts the catalog into the stores and opens the sale.
func (w *world) open(t *testing.T) {
	t.Helper()
	events := []ticketing.Event{{ID: "aurora", Name: "Aurora", Venue: "Old Harbour", StartsAt: time.Now().AddDate(0, 1, 0), Tiers: []ticketing.Tier{
		{ID: "general", Name: "General", Price: ticketing.Money{Amount: 4500, Currency: "EUR"}, Capacity: 1000},
	}}}
	pool, err := postgres.Open(t.Context(), w.postgres.URL(), postgres.Options{})
	must(t, err)
	t.Cleanup(pool.Close)
	client, err := redisstore.Open(w.redis.URL())
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	w.ledger, w.projection = postgres.NewLedger(pool), redisstore.NewProjection(client)
	w.queue = rabbitmq.NewQueue(w.rabbitmq.URL(), rabbitmq.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, w.ledger.Migrate(t.Context()))
	must(t, w.ledger.SaveCatalog(t.Context(), events))
	shelf := redisstore.NewShelf(client)
	storetest.OpenSale(t, shelf, "epoch-1", events)
	must(t, w.queue.Admit(t.Context(), "epoch-1"))
}

// consume commits what is in the queue until the returned function is called.
func (w *world) consume(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.commitAll(ctx) }()
	return func() {
		cancel()
		must(t, <-ended)
	}
}

func (w *world) commitAll(ctx context.Context) error {
	session, err := w.queue.Consume(ctx, 100)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close(context.WithoutCancel(ctx)) }()
	for {
		select {
		case d, open := <-session.Deliveries():
			if !open {
				return errors.New("the session ended")
			}
			order, err := ticketing.DecodeOrder(d.Body)
			if err != nil {
				return err
			}
			settlements, err := w.ledger.Commit(ctx, []ticketing.Order{order})
			if err != nil {
				return err
			}
			if err := errors.Join(session.AckUpTo(d.Tag), w.projection.Settle(ctx, settlements)); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *world) ask(t *testing.T, method, path, body string) answer {
	t.Helper()
	began := time.Now()
	code, text := w.do(t, method, w.api+path, body)
	a := answer{code: code, took: time.Since(began)}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%s %s: %d %s: %v", method, path, code, text, err)
	}
	return a
}

func (w *world) buy(t *testing.T) answer {
	t.Helper()
	w.bought++
	a := w.ask(t, http.MethodPost, "/purchase",
		fmt.Sprintf(`{"event_id":"aurora","quantity":1,"email":"buyer%d@example.com"}`, w.bought))
	a.buyer = w.bought
	return a
}

// cancel gives back what was bought.
func (w *world) cancel(t *testing.T, bought answer) answer {
	t.Helper()
	return w.ask(t, http.MethodPost, "/orders/"+bought.OrderID+"/cancel",
		fmt.Sprintf(`{"email":"buyer%d@example.com"}`, bought.buyer))
}

// isCancelled waits until the ledger has the order as cancelled.
func (w *world) isCancelled(t *testing.T, bought answer) {
	t.Helper()
	w.untilStatus(t, "CANCELLED", bought.OrderID)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		record, err := w.ledger.Lookup(t.Context(), ticketing.OrderID(bought.OrderID))
		if err == nil && record.State == ticketing.StateCancelled {
			return
		}
		select {
		case <-pause.C:
		case <-deadline.C:
			t.Fatalf("the ledger has order %s as %q, %v", bought.OrderID, record.State, err)
		}
	}
}

// until asks again until the answer is as wanted.
func (w *world) until(t *testing.T, path string, wanted func(answer) bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		last := w.ask(t, http.MethodGet, path, "")
		if wanted(last) {
			return
		}
		select {
		case <-pause.C:
		case <-deadline.C:
			t.Fatalf("GET %s still answers %+v", path, last)
		}
	}
}

func (w *world) untilMode(t *testing.T, mode string) {
	t.Helper()
	w.until(t, "/health", func(a answer) bool { return a.Mode == mode })
}

func (w *world) untilConfirmed(t *testing.T, orders ...string) {
	t.Helper()
	w.untilStatus(t, "CONFIRMED", orders...)
}

func (w *world) untilStatus(t *testing.T, status string, orders ...string) {
	t.Helper()
	for _, id := range orders {
		w.until(t, "/orders/"+id, func(a answer) bool { return a.Status == status })
	}
}

func (w *world) isReady(t *testing.T) {
	t.Helper()
	if code, _ := w.do(t, http.MethodGet, w.api+"/readyz", ""); code != http.StatusOK {
		t.Errorf("/readyz = %d: a dead store takes the pod out of the load balancer", code)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// TestOnRealStores takes each store away in turn. What follows builds on what came before.
func TestOnRealStores(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.untilMode(t, "NORMAL")

	stop := w.consume(t)
	a := w.buy(t)
	if a.code != http.StatusCreated || a.Status != "CONFIRMED" {
		t.Errorf("healthy: %+v", a)
	}
	for range 2 {
		if c := w.cancel(t, a); c.code != http.StatusOK || c.Status != "CANCELLED" || c.took > time.Second {
			t.Errorf("healthy: cancelled %+v", c)
		}
	}
	if a := w.ask(t, http.MethodGet, "/events", ""); a.Source != "postgres" || a.Stale {
		t.Errorf("healthy: events %+v", a)
	}
	kept := w.buy(t)
	stop()
	w.withoutPostgres(t, kept)
	w.withoutRabbitMQ(t)
	w.withoutRedis(t, kept)
}

func (w *world) withoutPostgres(t *testing.T, before answer) {
	t.Helper()
	must(t, w.projection.SetPaused(t.Context(), true))
	must(t, w.postgres.Stop(t.Context()))
	w.untilMode(t, "ASYNC")
	w.until(t, "/events", func(a answer) bool { return a.Source == "redis" && a.Stale })
	var orders []string
	for range 5 {
		a := w.buy(t)
		if a.code != http.StatusAccepted || a.Status != "ACCEPTED_ASYNC" || a.took > time.Second {
			t.Errorf("without postgres: %+v", a)
		}
		orders = append(orders, a.OrderID)
	}
	if a := w.ask(t, http.MethodGet, "/orders/"+orders[0], ""); a.Status != "ACCEPTED" {
		t.Errorf("without postgres: order %+v", a)
	}
	// One is cancelled before it is in the ledger, one that had been there before as well.
	cancelled := []answer{w.buy(t), before}
	for _, bought := range cancelled {
		if c := w.cancel(t, bought); c.code != http.StatusAccepted || c.Status != "CANCELLED_ASYNC" || c.took > time.Second {
			t.Errorf("without postgres: cancelled %+v", c)
		}
		w.untilStatus(t, "CANCELLED", bought.OrderID)
	}
	w.isReady(t)
	must(t, w.postgres.Start(t.Context()))
	must(t, w.projection.SetPaused(t.Context(), false))
	defer w.consume(t)()
	w.untilConfirmed(t, orders...)
	for _, bought := range cancelled {
		w.isCancelled(t, bought)
	}
	w.untilMode(t, "NORMAL")
}

func (w *world) withoutRabbitMQ(t *testing.T) {
	t.Helper()
	must(t, w.rabbitmq.Stop(t.Context()))
	w.untilMode(t, "ASYNC")
	a := w.buy(t)
	if a.code != http.StatusAccepted || a.took > 500*time.Millisecond {
		t.Errorf("without rabbitmq: %+v", a)
	}
	cancelled := w.buy(t)
	if c := w.cancel(t, cancelled); c.code != http.StatusAccepted || c.took > 500*time.Millisecond {
		t.Errorf("without rabbitmq: cancelled %+v", c)
	}
	w.isReady(t)
	must(t, w.rabbitmq.Start(t.Context()))
	w.untilMode(t, "NORMAL")
	defer w.consume(t)()
	w.untilConfirmed(t, a.OrderID) // through the outbox
	w.isCancelled(t, cancelled)
	if a := w.buy(t); a.code != http.StatusCreated {
		t.Errorf("rabbitmq is back: %+v", a)
	}
}

// refusesAtOnce wants that a store is known to be away, and that most answers say so at once.
func (w *world) refusesAtOnce(t *testing.T, what string, ask func() answer) {
	t.Helper()
	storetest.WantRefusedAtOnce(t, func() error {
		if a := ask(); a.Code != "STORE_UNAVAILABLE" {
			return fmt.Errorf("%s was answered %+v", what, a)
		}
		return checkout.ErrUnavailable
	})
}

func (w *world) withoutRedis(t *testing.T, before answer) {
	t.Helper()
	must(t, w.redis.Pause(t.Context())) // a black hole
	w.untilMode(t, "PAUSED")
	for range 10 {
		a := w.buy(t)
		if a.code != http.StatusServiceUnavailable || (a.Code != "STORE_UNAVAILABLE" && a.Code != "OUTCOME_UNKNOWN") {
			t.Errorf("without redis: %+v", a)
		}
	}
	w.refusesAtOnce(t, "a purchase", func() answer { return w.buy(t) })
	w.refusesAtOnce(t, "a cancellation", func() answer { return w.cancel(t, before) })
	if a := w.ask(t, http.MethodGet, "/events", ""); a.code != http.StatusOK || !a.Stale {
		t.Errorf("without redis: events %+v", a)
	}
	w.isReady(t)
	must(t, w.redis.Unpause(t.Context()))
	w.untilMode(t, "NORMAL")
	defer w.consume(t)()
	if a := w.buy(t); a.code != http.StatusCreated {
		t.Errorf("redis is back: %+v", a)
	}
	if c := w.cancel(t, before); c.code != http.StatusOK || c.Status != "CANCELLED" {
		t.Errorf("redis is back: cancelled again %+v", c)
	}
	if _, metrics := w.do(t, http.MethodGet, w.metrics+"/metrics", ""); !strings.Contains(metrics, `eventflow_purchase_relayed_total{result="confirmed"}`) {
		t.Error("no order went through the relay")
	}
}
