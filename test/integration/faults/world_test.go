//go:build integration

package faults_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/services/ticketing"
	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
	"github.com/eventflow-dev/eventflow/test/framework/cluster"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
	"github.com/eventflow-dev/eventflow/test/framework/processes"
)

const (
	eventID  = "gala"
	capacity = 100_000
)

// atOnce is how many tests run side by side: they mostly wait.
const atOnce = "4"

// servers are the stores' containers. Those that tests share are misused by nobody; a test
// that breaks one brings its own.
type servers struct {
	postgres *containers.Postgres
	redis    *containers.Redis
	rabbitmq *containers.RabbitMQ
}

var shared servers

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	defer processes.Cleanup()
	if shared.postgres, err = containers.StartPostgres(ctx); err != nil {
		return 1, err
	}
	defer func() { _ = shared.postgres.Remove(ctx) }()
	if shared.redis, err = containers.StartRedis(ctx); err != nil {
		return 1, err
	}
	defer func() { _ = shared.redis.Remove(ctx) }()
	if shared.rabbitmq, err = containers.StartRabbitMQ(ctx); err != nil {
		return 1, err
	}
	defer func() { _ = shared.rabbitmq.Remove(ctx) }()
	return m.Run(), nil
}

// world is a box office of its own: two purchase pods and a consumer, with databases of their own.
type world struct {
	t                         *testing.T
	direct                    processes.Stores
	postgres, redis, rabbitmq *faultproxy.Proxy
	pods                      []*processes.Service
	// clients are one for each pod.
	clients []*boxoffice.Client
	// warm is the order that open has made.
	warm     string
	consumer *processes.Service
}

// open starts a box office on the stores that tests share and waits until purchases are
// confirmed. Capacities are those of the tiers, in order: tier-0, tier-1, ...
func open(t *testing.T, capacities ...int) *world {
	t.Helper()
	return openOn(t, shared, capacities...)
}

// own returns the shared servers with one store, or all where it is "", that is the test's own.
func own(t *testing.T, store string) servers {
	t.Helper()
	s := shared
	var err error
	if store == "" || store == "postgres" {
		s.postgres, err = containers.StartPostgres(t.Context())
		removeAtEnd(t, s.postgres, err)
	}
	if store == "" || store == "redis" {
		s.redis, err = containers.StartRedis(t.Context())
		removeAtEnd(t, s.redis, err)
	}
	if store == "" || store == "rabbitmq" {
		s.rabbitmq, err = containers.StartRabbitMQ(t.Context())
		removeAtEnd(t, s.rabbitmq, err)
	}
	return s
}

type removable interface {
	Remove(ctx context.Context) error
}

func removeAtEnd(t *testing.T, c removable, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Remove(context.Background()) })
}

// server is what can happen to a store's container.
type server interface {
	Kill(ctx context.Context) error
	Stop(ctx context.Context) error
	Start(ctx context.Context) error
	Pause(ctx context.Context) error
	Unpause(ctx context.Context) error
}

func (s servers) container(store string) server {
	return map[string]server{"postgres": s.postgres, "redis": s.redis, "rabbitmq": s.rabbitmq}[store]
}

func openOn(t *testing.T, on servers, capacities ...int) *world {
	t.Helper()
	database, err := on.postgres.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, direct: processes.Stores{Postgres: database, Redis: on.redis.NewDatabase(), RabbitMQ: on.rabbitmq.NewVirtualHost()}}
	w.postgres = faultproxy.New(t, "postgres", host(t, w.direct.Postgres))
	w.redis = faultproxy.New(t, "redis", host(t, w.direct.Redis))
	w.rabbitmq = faultproxy.New(t, "rabbitmq", host(t, w.direct.RabbitMQ))
	proxied := processes.Stores{
		Postgres: through(t, w.direct.Postgres, w.postgres),
		Redis:    through(t, w.direct.Redis, w.redis),
		RabbitMQ: through(t, w.direct.RabbitMQ, w.rabbitmq),
	}
	w.consumer = processes.Consumer(t, "consumer-0", proxied, catalog(t, capacities))
	for i := range 2 {
		pod := processes.Purchase(t, fmt.Sprintf("purchase-%d", i), proxied)
		w.pods, w.clients = append(w.pods, pod), append(w.clients, boxoffice.New(pod.URL, 10*time.Second))
	}
	w.until(time.Minute, "a purchase is confirmed", func(ctx context.Context) string {
		answer, err := w.client(0).Buy(ctx, boxoffice.Purchase{EventID: eventID, Tier: "warmup", Quantity: 1, Email: "warm@example.com", Key: "warm"})
		if err != nil {
			return err.Error()
		}
		if answer.Body.State() != "CONFIRMED" {
			return answer.Raw
		}
		w.warm = answer.Body.OrderID
		return ""
	})
	return w
}

func catalog(t *testing.T, capacities []int) string {
	t.Helper()
	price := ticketing.Money{Amount: 4500, Currency: "EUR"}
	event := ticketing.Event{ID: eventID, Name: "Gala", Venue: "Hall", StartsAt: time.Now().AddDate(0, 1, 0).UTC()}
	event.Tiers = append(event.Tiers, ticketing.Tier{ID: "warmup", Name: "Warm-up", Price: price, Capacity: 10})
	for i, n := range capacities {
		event.Tiers = append(event.Tiers, ticketing.Tier{ID: fmt.Sprintf("tier-%d", i), Name: "Tier", Price: price, Capacity: n})
	}
	text, err := json.Marshal([]ticketing.Event{event})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func host(t *testing.T, store string) string {
	t.Helper()
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func through(t *testing.T, store string, proxy *faultproxy.Proxy) string {
	t.Helper()
	u, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = proxy.Address()
	return u.String()
}

// client returns a client of one pod: there is no load balancer here.
func (w *world) client(pod int) *boxoffice.Client { return w.clients[pod%len(w.clients)] }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) until(timeout time.Duration, what string, check func(context.Context) string) {
	w.t.Helper()
	if err := cluster.Until(w.t.Context(), timeout, check); err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// drained waits until nothing moves any more: nothing in the outbox, nothing in the
// queue, nothing pending, no seats that are still to come back.
func (w *world) drained(timeout time.Duration) {
	w.t.Helper()
	client := w.redisClient()
	w.until(timeout, "everything accepted is in the ledger", func(ctx context.Context) string {
		outbox, err := client.ZCard(ctx, "{ef}:outbox").Result()
		if err != nil {
			return err.Error()
		}
		pending, err := client.HGetAll(ctx, "{ef}:pending").Result()
		if err != nil {
			return err.Error()
		}
		orders := 0
		for field, value := range pending {
			if n, err := strconv.Atoi(value); err == nil && len(field) > 7 && field[len(field)-7:] == ":orders" {
				orders += n
			}
		}
		cancelling, err := beingCancelled(ctx, client)
		if err != nil {
			return err.Error()
		}
		if outbox != 0 || orders != 0 || cancelling != 0 {
			return fmt.Sprintf("%d orders in the outbox, %d pending, %d being cancelled", outbox, orders, cancelling)
		}
		return ""
	})
}

func (w *world) redisClient() *redis.Client {
	w.t.Helper()
	options, err := redis.ParseURL(w.direct.Redis)
	if err != nil {
		w.t.Fatal(err)
	}
	client := redis.NewClient(options)
	w.t.Cleanup(func() { _ = client.Close() })
	return client
}

// final reads, past all proxies and services, what the stores hold.
func (w *world) final() history.Final {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.direct.Postgres)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, "SELECT order_id::text, email, event_id, tier_id, quantity, status FROM orders")
	if err != nil {
		w.t.Fatal(err)
	}
	var final history.Final
	final.Rows, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (history.Row, error) {
		var r history.Row
		err := row.Scan(&r.OrderID, &r.Buyer, &r.EventID, &r.TierID, &r.Quantity, &r.State)
		return r, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	client := w.redisClient()
	stock, err := client.HGetAll(ctx, "{ef}:stock").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	capacities, err := client.HGetAll(ctx, "{ef}:capacity").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	for key, value := range capacities {
		tier := history.Tier{EventID: eventID, TierID: key[len(eventID)+1:]}
		tier.Capacity, _ = strconv.Atoi(value)
		tier.Stock, _ = strconv.Atoi(stock[key])
		final.Tiers = append(final.Tiers, tier)
	}
	return final
}

// deadLetters returns how many messages were parked: nobody here sends any that has to be.
func (w *world) deadLetters() int {
	w.t.Helper()
	conn, err := amqp.DialConfig(w.direct.RabbitMQ, amqp.Config{Dial: amqp.DefaultDial(5 * time.Second)})
	w.must(err)
	defer func() { _ = conn.Close() }()
	channel, err := conn.Channel()
	w.must(err)
	queue, err := channel.QueueDeclarePassive("purchases.dead", true, false, false, false, nil)
	w.must(err)
	return queue.Messages
}

// check compares a history with the stores and fails the test over any broken promise.
// The one purchase of the warm-up belongs to every history.
func (w *world) check(operations []history.Operation) history.Report {
	w.t.Helper()
	warm := history.Operation{Buyer: "warm@example.com", EventID: eventID, TierID: "warmup", Quantity: 1, Answer: history.Unknown}
	report := history.Check(append(operations, warm), w.final())
	w.t.Log(report)
	if n := w.deadLetters(); n != 0 {
		w.t.Errorf("%d messages were parked", n)
	}
	for _, violation := range report.Violations {
		w.t.Errorf("%s: %s", violation.Kind, violation.Detail)
	}
	return report
}
