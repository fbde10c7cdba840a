//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

// box is a consumer on real stores, and what a purchase pod would use to sell through it.
type box struct {
	postgres *containers.Postgres
	redis    *containers.Redis
	rabbitmq *containers.RabbitMQ
	log      *lockedBuffer
	shop     *redisstore.Reservations
	shelf    *redisstore.Shelf
	backlog  *redisstore.Backlog
	ledger   *postgres.Ledger
	books    *postgres.Books
	publish  *rabbitmq.Publisher
	stop     func() error
	sold     int
}

// TestConsumerOnRealStores sells through each store's absence: every order that was
// taken is in the ledger once, has its line in the log once, and is CONFIRMED in the arbiter.
//
//nolint:paralleltest,tparallel // its steps follow one another
func TestConsumerOnRealStores(t *testing.T) {
	t.Parallel()
	b := startBox(t)
	b.until(t, "the sale is open", func(ctx context.Context) error {
		state, err := b.shelf.Shelf(ctx)
		if err == nil && (state.Epoch == "" || state.ConsumerPaused) {
			err = fmt.Errorf("epoch %q, paused %v", state.Epoch, state.ConsumerPaused)
		}
		return err
	})
	b.settles(t, b.sell(t, 5))

	t.Run("PostgreSQL away", func(t *testing.T) {
		must(t, b.postgres.Stop(t.Context()))
		b.until(t, "the pause is announced", b.paused)
		orders := b.sell(t, 700)
		must(t, b.postgres.Start(t.Context()))
		back := time.Now()
		b.settles(t, orders)
		t.Logf("700 orders were settled %s after PostgreSQL's return", time.Since(back).Round(time.Millisecond))
		b.until(t, "the end of the pause is announced", b.consuming)
	})
	t.Run("RabbitMQ restarts", func(t *testing.T) {
		orders := b.sell(t, 50)
		must(t, b.rabbitmq.Kill(t.Context()))
		must(t, b.rabbitmq.Start(t.Context()))
		b.settles(t, append(orders, b.sell(t, 50)...))
	})
	t.Run("Redis restarts while orders are committed", func(t *testing.T) {
		must(t, b.postgres.Stop(t.Context()))
		orders := b.sell(t, 300)
		must(t, b.redis.Kill(t.Context()))
		must(t, b.postgres.Start(t.Context()))
		b.until(t, "the queue is empty", func(ctx context.Context) error {
			return b.successes(ctx, orders)
		})
		must(t, b.redis.Start(t.Context()))
		b.settles(t, orders)
	})
	t.Run("poison", func(t *testing.T) {
		b.publishRaw(t, []byte("poison"))
		b.settles(t, b.sell(t, 1))
		if dead := b.deadLetters(t); dead != 1 {
			t.Errorf("%d dead letters, want 1", dead)
		}
	})
	b.addsUp(t)
	if err := b.stop(); err != nil {
		t.Errorf("run returned %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func startBox(t *testing.T) *box {
	t.Helper()
	ctx := t.Context()
	b := &box{log: &lockedBuffer{}}
	var err error
	b.postgres, err = containers.StartPostgres(ctx)
	must(t, err)
	t.Cleanup(func() { _ = b.postgres.Remove(context.WithoutCancel(ctx)) })
	b.redis, err = containers.StartRedis(ctx)
	must(t, err)
	t.Cleanup(func() { _ = b.redis.Remove(context.WithoutCancel(ctx)) })
	b.rabbitmq, err = containers.StartRabbitMQ(ctx)
	must(t, err)
	t.Cleanup(func() { _ = b.rabbitmq.Remove(context.WithoutCancel(ctx)) })
	b.openShop(t)
	b.run(t)
	return b
}

// openShop makes what a purchase pod has.
func (b *box) openShop(t *testing.T) {
	t.Helper()
	client, err := redisstore.Open(b.redis.URL())
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	pool, err := postgres.Open(t.Context(), b.postgres.URL(), postgres.Options{})
	must(t, err)
	t.Cleanup(pool.Close)
	b.shop = redisstore.NewReservations(client, redisstore.Options{OutboxLimit: 10_000})
	b.shelf, b.backlog = redisstore.NewShelf(client), redisstore.NewBacklog(client)
	b.ledger, b.books = postgres.NewLedger(pool), postgres.NewBooks(pool)
	b.publish = rabbitmq.NewPublisher(b.rabbitmq.URL(), rabbitmq.Options{Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	var publisher sync.WaitGroup
	publisher.Go(func() { _ = b.publish.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		publisher.Wait()
	})
}

// run starts the consumer itself, all of it.
func (b *box) run(t *testing.T) {
	t.Helper()
	environ := environ(t, map[string]string{
		"EVENTFLOW_POSTGRES_URL_FILE": b.postgres.URL(), "EVENTFLOW_REDIS_URL_FILE": b.redis.URL(),
		"EVENTFLOW_RABBITMQ_URL_FILE": b.rabbitmq.URL(), "EVENTFLOW_CATALOG_FILE": strings.Replace(catalogJSON, "100", "100000", 1),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, environ, b.log) }()
	b.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		_ = b.stop()
		if t.Failed() {
			t.Logf("the consumer's log:\n%s", b.log.tail())
		}
	})
}

// until waits for the condition.
func (b *box) until(t *testing.T, what string, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not in a minute: %s: %v", what, err)
		case <-ticker.C:
		}
	}
}

// sell takes n orders as a purchase pod does: reserve, publish, accept.
func (b *box) sell(t *testing.T, n int) []ticketing.OrderID {
	t.Helper()
	var ids []ticketing.OrderID
	for range n {
		b.sold++
		order := ticketing.Order{
			ID: ticketing.OrderID(uuid.NewString()), EventID: "aurora", TierID: "general", Quantity: 2,
			Buyer: ticketing.Buyer{Email: "ada@example.com", Name: "Ada", Locale: "es"},
			Total: ticketing.Money{Amount: 9000, Currency: "EUR"}, PlacedAt: time.Now().UTC(), Node: "purchase-0",
		}
		b.until(t, "an order is taken", func(ctx context.Context) error { return b.take(ctx, order) })
		ids = append(ids, order.ID)
	}
	return ids
}

func (b *box) take(ctx context.Context, order ticketing.Order) error {
	outcome, err := b.shop.Reserve(ctx, checkout.Reservation{Order: order, Fingerprint: "f"})
	if err != nil {
		return err
	}
	if outcome.Verdict != checkout.Reserved && outcome.Verdict != checkout.Known {
		return fmt.Errorf("verdict is %d", outcome.Verdict)
	}
	if err := b.publish.Publish(ctx, outcome.Record.Order); err != nil {
		return err
	}
	return b.shop.Accept(ctx, order.ID)
}

func (b *box) paused(ctx context.Context) error {
	state, err := b.shelf.Shelf(ctx)
	if err == nil && !state.ConsumerPaused {
		err = errors.New("it is not paused")
	}
	return err
}

func (b *box) consuming(ctx context.Context) error {
	state, err := b.shelf.Shelf(ctx)
	if err == nil && state.ConsumerPaused {
		err = errors.New("it is paused")
	}
	return err
}

// settles waits until the orders are in the ledger, in the log and in the arbiter.
func (b *box) settles(t *testing.T, ids []ticketing.OrderID) {
	t.Helper()
	b.until(t, "the log has the orders", func(ctx context.Context) error { return b.successes(ctx, ids) })
	for _, id := range ids {
		b.until(t, "the arbiter knows the order as CONFIRMED", func(ctx context.Context) error {
			record, err := b.shop.Lookup(ctx, id)
			if err == nil && record.State != ticketing.StateConfirmed {
				err = errors.New(string(record.State))
			}
			return err
		})
	}
}

// successes returns an error unless each order has its CONSUMER SUCCESS line, once.
func (b *box) successes(_ context.Context, ids []ticketing.OrderID) error {
	lines := b.log.successes()
	for _, id := range ids {
		if lines[id] != 1 {
			return fmt.Errorf("order %s has %d lines", id, lines[id])
		}
	}
	return nil
}

// addsUp asserts that ledger and arbiter agree on what was sold, and that no order has
// been written or told twice.
func (b *box) addsUp(t *testing.T) {
	t.Helper()
	sales, err := b.books.SalesByTier(t.Context())
	must(t, err)
	count := int64(b.sold)
	if len(sales) != 1 || sales[0].Orders != count || sales[0].Tickets != 2*count || *sales[0].Revenue != 9000*count {
		t.Errorf("the ledger has %+v, want %d orders", sales, count)
	}
	lines := b.log.successes()
	if len(lines) != b.sold || slices.Max(slices.Collect(maps.Values(lines))) != 1 {
		t.Errorf("the log has %d orders, want %d once each", len(lines), b.sold)
	}
	state, err := b.shelf.Shelf(t.Context())
	must(t, err)
	if left := state.Stock[ticketing.TierKey{EventID: "aurora", TierID: "general"}]; left != 100_000-2*b.sold {
		t.Errorf("%d seats are left after %d orders of two", left, b.sold)
	}
	pending, err := b.backlog.Pending(t.Context())
	must(t, err)
	if diff := cmp.Diff(0, len(pending)); diff != "" {
		t.Errorf("still pending: %+v", pending)
	}
}

// channel is a connection of the test's own to the broker.
func (b *box) channel(t *testing.T) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(b.rabbitmq.URL())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	channel, err := conn.Channel()
	must(t, err)
	return channel
}

func (b *box) publishRaw(t *testing.T, body []byte) {
	t.Helper()
	must(t, b.channel(t).PublishWithContext(t.Context(), "", "purchases", true, false, amqp.Publishing{Body: body}))
}

func (b *box) deadLetters(t *testing.T) int {
	t.Helper()
	channel := b.channel(t)
	dead := 0
	for {
		_, found, err := channel.Get("purchases.dead", false)
		must(t, err)
		if !found {
			return dead
		}
		dead++
	}
}

// lockedBuffer keeps a log.
type lockedBuffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

var _ io.Writer = (*lockedBuffer)(nil)

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

// successes counts the CONSUMER SUCCESS lines of each order.
func (b *lockedBuffer) successes() map[ticketing.OrderID]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := map[ticketing.OrderID]int{}
	for line := range bytes.Lines(b.bytes.Bytes()) {
		var entry struct {
			Msg     string
			OrderID ticketing.OrderID
		}
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "CONSUMER SUCCESS" {
			counts[entry.OrderID]++
		}
	}
	return counts
}

// tail returns the last lines that are not about single orders.
func (b *lockedBuffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for line := range strings.Lines(b.bytes.String()) {
		if !strings.Contains(line, `"orderID"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-60):], "")
}
