//go:build integration

package rabbitmq_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

// shared is the broker that tests use side by side, each in a virtual host of its own.
// A test that breaks a broker starts one for itself.
var shared *containers.RabbitMQ

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rabbitmq:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if shared, err = containers.StartRabbitMQ(ctx); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, shared.Remove(ctx)) }()
	return m.Run(), goleak.Find()
}

// openPublisher returns a publisher that runs until the test ends and is connected.
func openPublisher(t *testing.T, url string) *rabbitmq.Publisher {
	t.Helper()
	publisher := rabbitmq.NewPublisher(url, rabbitmq.Options{Name: t.Name()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := publisher.Run(ctx); err != nil {
			t.Errorf("publisher: %v", err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	awaitConnected(t, publisher)
	return publisher
}

func awaitConnected(tb testing.TB, publisher *rabbitmq.Publisher) {
	tb.Helper()
	eventually(tb, "the publisher is connected", func() bool {
		connected, _, _ := publisher.State()
		return connected
	})
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.RunBroker(t, func(t *testing.T) storetest.Broker {
		t.Helper()
		address := shared.NewVirtualHost()
		q := rabbitmq.NewQueue(address, rabbitmq.Options{})
		return storetest.Broker{
			Publisher: openPublisher(t, address), Queue: q, Backlog: q,
			PublishRaw: func(t *testing.T, body []byte) {
				t.Helper()
				channel := openChannel(t, address)
				must(t, channel.Confirm(false))
				confirm, err := channel.PublishWithDeferredConfirm("", "purchases", true, false, amqp.Publishing{Body: body})
				must(t, err)
				if acked, err := confirm.WaitContext(t.Context()); err != nil || !acked {
					t.Fatalf("publish raw: acked=%t, %v", acked, err)
				}
			},
			DeadLetters: func(t *testing.T) []storetest.DeadLetter {
				t.Helper()
				return takeDeadLetters(t, address)
			},
			Disconnect: func(t *testing.T) {
				t.Helper()
				parsed, err := url.Parse(address)
				must(t, err)
				_, err = shared.Exec(t.Context(), "rabbitmqctl", "close_all_connections",
					"--vhost", strings.TrimPrefix(parsed.Path, "/"), "test")
				must(t, err)
			},
		}
	})
}

func openChannel(t *testing.T, address string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(address)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	channel, err := conn.Channel()
	must(t, err)
	return channel
}

func takeDeadLetters(t *testing.T, address string) []storetest.DeadLetter {
	t.Helper()
	channel := openChannel(t, address)
	var all []storetest.DeadLetter
	for {
		d, found, err := channel.Get("purchases.dead", true)
		must(t, err)
		if !found {
			return all
		}
		reason, _ := d.Headers["x-reason"].(string)
		if d.DeliveryMode != amqp.Persistent {
			t.Errorf("dead letter %q is not persistent", d.Body)
		}
		all = append(all, storetest.DeadLetter{Body: string(d.Body), Reason: reason})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the condition holds.
func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 45*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			tb.Fatalf("%s: not within 45 s", what)
		case <-ticker.C:
		}
	}
}
