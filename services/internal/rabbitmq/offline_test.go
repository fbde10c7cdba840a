package rabbitmq_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// silentPeer takes connections and never says a word.
func silentPeer(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return "amqp://" + listener.Addr().String() + "/"
}

// TestPublisherWithoutBroker: publishing is refused at once, nothing was sent, and the
// publisher stops when it is told to, whatever it is waiting for.
func TestPublisherWithoutBroker(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"refused": "amqp://127.0.0.1:1/", "silent": silentPeer(t), "not a URL": "what",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			publisher := rabbitmq.NewPublisher(url, rabbitmq.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- publisher.Run(ctx) }()

			order := storetest.NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "general"}, 1)
			storetest.WantRefusedAtOnce(t, func() error { return publisher.Publish(t.Context(), order) })
			if connected, since, blocked := publisher.State(); connected || blocked || since.IsZero() {
				t.Errorf("connected=%t since %s, blocked=%t", connected, since, blocked)
			}
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("run: %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("run did not end with its context")
			}
		})
	}
}

// TestQueueWithoutBroker: a session is not waited for longer than the caller wants to.
func TestQueueWithoutBroker(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"refused": "amqp://127.0.0.1:1/", "silent": silentPeer(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			queue := rabbitmq.NewQueue(url, rabbitmq.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			begun := time.Now()
			_, consumeErr := queue.Consume(ctx, 10)
			_, _, stateErr := queue.State(ctx)
			if consumeErr == nil || stateErr == nil {
				t.Errorf("consume: %v, depth: %v, want errors", consumeErr, stateErr)
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("gave up after %s, the deadline was 200 ms", took)
			}
		})
	}
}
