//go:build integration

package faults_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
)

// reopens is how soon a sale is to be open again after Redis has lost its data, with
// every other store there.
const reopens = 20 * time.Second

// TestDataLost takes a store's data away under load, for good. Nothing that was promised
// is lost, and the sale goes on by itself.
func TestDataLost(t *testing.T) {
	t.Parallel()
	cases := map[string]func(w *world){
		"redis": func(w *world) {
			epoch := w.wipeRedis()
			w.reopened(epoch, reopens)
		},
		"redis while postgres is away": func(w *world) {
			w.postgres.Set(faultproxy.Refused)
			w.seenDown([]string{"postgres"})
			w.pass(before)
			epoch := w.wipeRedis()
			w.pass(before)
			if now := w.epoch(); now != "" {
				w.t.Errorf("the sale was opened as %s without the ledger", now)
			}
			w.postgres.Set(faultproxy.None)
			w.reopened(epoch, settles)
		},
		"redis twice": func(w *world) {
			epoch := w.wipeRedis()
			w.reopened(epoch, reopens)
			w.pass(before)
			epoch = w.wipeRedis()
			w.reopened(epoch, reopens)
		},
		"rabbitmq with orders in its queue": func(w *world) {
			w.postgres.Set(faultproxy.Refused)
			w.seenDown([]string{"postgres"})
			w.pass(before)
			w.wipeRabbitMQ()
			w.pass(before)
			w.postgres.Set(faultproxy.None)
		},
	}
	for name, lose := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, capacity)
			runs := w.startLoad(t.Name())
			w.pass(before)
			window := history.Fault{From: time.Now()}
			lose(w)
			window.To = time.Now()
			w.pass(after)
			operations := w.stop(runs)
			// What only the lost queue had is found overdue after a minute.
			w.drained(2 * settles)
			w.judge(operations, window, rate/3)
		})
	}
}

// epoch returns the epoch that Redis has, "" for none.
func (w *world) epoch() string {
	w.t.Helper()
	epoch, err := epochOf(w.t.Context(), w.redisClient())
	w.must(err)
	return epoch
}

func epochOf(ctx context.Context, client *redis.Client) (string, error) {
	epoch, err := client.Get(ctx, "{ef}:epoch").Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return epoch, err
}

// wipeRedis takes everything that Redis has, and returns the epoch that it was in.
func (w *world) wipeRedis() string {
	w.t.Helper()
	epoch := w.epoch()
	if epoch == "" {
		w.t.Fatal("INVALID: there is no sale to be lost")
	}
	w.must(shared.redis.Wipe(w.t.Context(), w.direct.Redis))
	return epoch
}

// reopened waits until the sale is open in another epoch, and says how long it took.
func (w *world) reopened(lost string, within time.Duration) {
	w.t.Helper()
	begun := time.Now()
	client := w.redisClient()
	w.until(within, "the sale is open again", func(ctx context.Context) string {
		if epoch, err := epochOf(ctx, client); err != nil || epoch == "" || epoch == lost {
			return fmt.Sprintf("epoch is %q, %v", epoch, err)
		}
		return ""
	})
	w.t.Logf("the sale was open again after %s", time.Since(begun).Round(time.Millisecond))
}

// wipeRabbitMQ deletes what RabbitMQ has, messages and all.
func (w *world) wipeRabbitMQ() {
	w.t.Helper()
	conn, err := amqp.Dial(w.direct.RabbitMQ)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	channel, err := conn.Channel()
	if err != nil {
		w.t.Fatal(err)
	}
	lost, err := channel.QueueDelete("purchases", false, false, false)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := channel.ExchangeDelete("purchases", false, false); err != nil {
		w.t.Fatal(err)
	}
	if lost == 0 {
		w.t.Error("INVALID: no message was lost")
	}
	w.t.Logf("%d messages were lost", lost)
}
