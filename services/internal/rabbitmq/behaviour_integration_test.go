//go:build integration

package rabbitmq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

const (
	// patience is the deadline of a purchase's publish.
	patience = time.Second
	// slack is what a busy machine may add to a deadline.
	slack = time.Second
)

func newOrder() ticketing.Order {
	return storetest.NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "general"}, 1)
}

// TestBrokerFaults breaks one broker in one way after the other.
//
//nolint:tparallel,paralleltest // its parts break one broker in turn
func TestBrokerFaults(t *testing.T) {
	t.Parallel()
	broker, err := containers.StartRabbitMQ(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, broker.Remove(context.WithoutCancel(t.Context()))) })
	for name, test := range map[string]func(*testing.T, *containers.RabbitMQ){
		"killed and stopped": testBrokerRestart, "frozen": testBrokerFrozen, "alarm": testBrokerAlarm,
	} {
		t.Run(name, func(t *testing.T) { test(t, broker) })
	}
}

// publish tries once, as a purchase does, and returns how long it took.
func publish(t *testing.T, publisher *rabbitmq.Publisher, order ticketing.Order) (time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begun := time.Now()
	err := publisher.Publish(ctx, order)
	took := time.Since(begun)
	if took > patience+slack {
		t.Errorf("publish took %s, its deadline was %s", took, patience)
	}
	return took, err
}

// wantRefusedAtOnce waits until the fault is known, and then wants quick answers.
func wantRefusedAtOnce(t *testing.T, publisher *rabbitmq.Publisher) {
	t.Helper()
	eventually(t, "publishing is refused at once", func() bool {
		took, err := publish(t, publisher, newOrder())
		return errors.Is(err, checkout.ErrUnavailable) && took < storetest.AtOnce
	})
}

// consumeAll reads every order that is in the queue and acknowledges it.
func consumeAll(t *testing.T, address string, want int) map[ticketing.OrderID]int {
	t.Helper()
	seen := map[ticketing.OrderID]int{}
	var session fulfil.Session
	eventually(t, "a session", func() (opened bool) {
		var err error
		session, err = rabbitmq.NewQueue(address, rabbitmq.Options{}).Consume(t.Context(), 100)
		return err == nil
	})
	defer func() { must(t, session.Close(t.Context())) }()
	deadline := time.After(45 * time.Second)
	for range want {
		select {
		case d, open := <-session.Deliveries():
			if !open {
				t.Fatal("the session ended")
			}
			order, err := ticketing.DecodeOrder(d.Body)
			must(t, err)
			seen[order.ID]++
			must(t, session.AckUpTo(d.Tag))
		case <-deadline:
			t.Fatalf("%d of %d orders came", len(seen), want)
		}
	}
	return seen
}

// newSale returns a virtual host that takes orders.
func newSale(t *testing.T, broker *containers.RabbitMQ) string {
	t.Helper()
	address := broker.NewVirtualHost()
	must(t, rabbitmq.NewQueue(address, rabbitmq.Options{}).Admit(t.Context(), newOrder().Epoch))
	return address
}

func testBrokerRestart(t *testing.T, broker *containers.RabbitMQ) {
	t.Helper()
	address := newSale(t, broker)
	publisher := openPublisher(t, address)
	var confirmed []ticketing.Order
	keep := func() {
		order := newOrder()
		if _, err := publish(t, publisher, order); err != nil {
			t.Fatal(err)
		}
		confirmed = append(confirmed, order)
	}
	for range 50 {
		keep()
	}
	for name, fault := range map[string]func(context.Context) error{"killed": broker.Kill, "stopped": broker.Stop} {
		must(t, fault(t.Context()))
		wantRefusedAtOnce(t, publisher)
		if connected, _, _ := publisher.State(); connected {
			t.Errorf("%s: still connected", name)
		}
		must(t, broker.Start(t.Context()))
		back := time.Now()
		awaitConnected(t, publisher)
		if took := time.Since(back); took > 5*time.Second+slack {
			t.Errorf("%s: connected again after %s", name, took)
		}
		keep()
	}
	seen := consumeAll(t, address, len(confirmed))
	for _, o := range confirmed {
		if seen[o.ID] != 1 {
			t.Errorf("confirmed order %s came %d times", o.ID, seen[o.ID])
		}
	}
}

// testBrokerFrozen: the broker's port takes connections and never answers.
func testBrokerFrozen(t *testing.T, broker *containers.RabbitMQ) {
	t.Helper()
	address := newSale(t, broker)
	publisher := openPublisher(t, address)
	session, err := rabbitmq.NewQueue(address, rabbitmq.Options{}).Consume(t.Context(), 10)
	must(t, err)
	must(t, broker.Pause(t.Context()))
	unknown := newOrder()
	if _, err := publish(t, publisher, unknown); err == nil || errors.Is(err, checkout.ErrUnavailable) {
		t.Errorf("got %v, want an error that does not claim that nothing was sent", err)
	}
	wantRefusedAtOnce(t, publisher)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begun := time.Now()
	_ = session.Close(ctx)
	if took := time.Since(begun); took > patience+2*slack {
		t.Errorf("closing a session took %s, its deadline was %s", took, patience)
	}
	must(t, broker.Unpause(t.Context()))
	eventually(t, "publishing works again", func() bool {
		_, err := publish(t, publisher, newOrder())
		return err == nil
	})
}

// testBrokerAlarm: a broker short of memory stops reading from publishers.
func testBrokerAlarm(t *testing.T, broker *containers.RabbitMQ) {
	t.Helper()
	address := newSale(t, broker)
	publisher := openPublisher(t, address)
	before := newOrder()
	if _, err := publish(t, publisher, before); err != nil {
		t.Fatal(err)
	}
	setWatermark(t, broker, "0")
	wantRefusedAtOnce(t, publisher)
	if connected, _, blocked := publisher.State(); !connected || !blocked {
		t.Errorf("connected=%t, blocked=%t, want both", connected, blocked)
	}
	if seen := consumeAll(t, address, 1); seen[before.ID] != 1 {
		t.Errorf("while publishers are blocked the consumer got %v, want order %s", seen, before.ID)
	}
	setWatermark(t, broker, "0.6")
	eventually(t, "publishing works again", func() bool {
		_, err := publish(t, publisher, newOrder())
		return err == nil
	})
}

func setWatermark(t *testing.T, broker *containers.RabbitMQ, fraction string) {
	t.Helper()
	_, err := broker.Exec(t.Context(), "rabbitmqctl", "set_vm_memory_high_watermark", fraction)
	must(t, err)
}

// TestForgottenBinding: a broker that has lost its data is told again which epoch's orders
// it takes, with the consumer's next connection.
func TestForgottenBinding(t *testing.T) {
	t.Parallel()
	address := shared.NewVirtualHost()
	queue := rabbitmq.NewQueue(address, rabbitmq.Options{})
	order := newOrder()
	must(t, queue.Admit(t.Context(), order.Epoch))
	publisher := openPublisher(t, address)
	must(t, openChannel(t, address).QueueUnbind("purchases", "purchases.epoch."+order.Epoch, "purchases", nil))
	for range 3 {
		if _, err := publish(t, publisher, order); !errors.Is(err, checkout.ErrFenced) {
			t.Errorf("got %v, want the error of a message that the broker has not", err)
		}
	}
	session, err := queue.Consume(t.Context(), 1)
	must(t, err)
	must(t, session.Close(t.Context()))
	if _, err := publish(t, publisher, order); err != nil {
		t.Fatal(err)
	}
	if seen := consumeAll(t, address, 1); seen[order.ID] != 1 {
		t.Errorf("got %v, want only the order that was routed", seen)
	}
}

// TestWrongTopology: nothing is sold over a queue that may lose what it has confirmed.
func TestWrongTopology(t *testing.T) {
	t.Parallel()
	for name, declare := range map[string]func(*amqp.Channel) error{
		"classic queue": func(c *amqp.Channel) error {
			_, err := c.QueueDeclare("purchases", true, false, false, false, nil)
			return err
		},
		"delivery limit": func(c *amqp.Channel) error {
			_, err := c.QueueDeclare("purchases", true, false, false, false,
				amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(20)})
			return err
		},
		"transient exchange": func(c *amqp.Channel) error {
			return c.ExchangeDeclare("purchases", "direct", false, false, false, false, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := shared.NewVirtualHost()
			must(t, declare(openChannel(t, address)))
			if _, err := rabbitmq.NewQueue(address, rabbitmq.Options{}).Consume(t.Context(), 1); !errors.Is(err, rabbitmq.ErrWrongTopology) {
				t.Errorf("got %v, want ErrWrongTopology", err)
			}
		})
	}
}

// TestPublisherStopsWithItsContext: also while it cannot connect.
func TestPublisherStopsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"connected": shared.NewVirtualHost(), "nobody there": "amqp://127.0.0.1:1/"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			publisher := rabbitmq.NewPublisher(address, rabbitmq.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			must(t, publisher.Run(ctx))
			if err := publisher.Publish(t.Context(), newOrder()); !errors.Is(err, checkout.ErrUnavailable) {
				t.Errorf("after Run: got %v, want ErrUnavailable", err)
			}
		})
	}
}
