package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Broker is one broker under test: an empty one, through all of its ports.
type Broker struct {
	Publisher checkout.Publisher
	Queue     fulfil.Queue
	Backlog   opening.Backlog
	// PublishRaw puts any bytes into the queue.
	PublishRaw func(t *testing.T, body []byte)
	// DeadLetters takes what has been parked.
	DeadLetters func(t *testing.T) []DeadLetter
	// Disconnect breaks every connection.
	Disconnect func(t *testing.T)
}

// DeadLetter is a parked message and why it was parked.
type DeadLetter struct {
	Body   string
	Reason string
}

// RunBroker checks what checkout.Publisher, fulfil.Queue and opening.Backlog promise.
// open returns an empty broker that takes orders of no epoch yet.
func RunBroker(t *testing.T, open func(t *testing.T) Broker) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Broker){
		"published orders arrive in order":        testPublish,
		"parallel publishers lose nothing":        testParallelPublish,
		"prefetch bounds what is outstanding":     testPrefetch,
		"acknowledging takes away all before it":  testAckUpTo,
		"close gives back what is unacknowledged": testCloseGivesBack,
		"an ended session cannot acknowledge":     testAckAfterEnd,
		"park keeps the message and its reason":   testPark,
		"broken connection ends the session":      testDisconnect,
		"two sessions share the queue":            testTwoSessions,
		"prefetch must be positive":               testPrefetchPositive,
		"an epoch that is fenced stays out":       testFence,
		"state counts orders and consumers":       testState,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			must(t, b.Backlog.Admit(t.Context(), epochOne))
			test(t, b)
		})
	}
}

func testPublish(t *testing.T, b Broker) {
	t.Helper()
	orders := newOrders(20, general, 2)
	orders[7].Cancelled = true // as its cancellation
	publish(t, b, orders...)
	wantDepth(t, b, 20)
	s := consume(t, b, 50)
	for i, want := range orders {
		d := receive(t, s.Deliveries(), "delivery")
		got, err := ticketing.DecodeOrder(d.Body)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" || d.Redelivered {
			t.Errorf("delivery %d, redelivered=%t (-want +got):\n%s", i, d.Redelivered, diff)
		}
	}
}

func testParallelPublish(t *testing.T, b Broker) {
	t.Helper()
	orders := newOrders(300, general, 1)
	var group sync.WaitGroup
	for _, o := range orders {
		group.Go(func() {
			if err := b.Publisher.Publish(t.Context(), o); err != nil {
				t.Errorf("publish: %v", err)
			}
		})
	}
	group.Wait()
	seen := map[ticketing.OrderID]int{}
	s := consume(t, b, 500)
	for range orders {
		order, err := ticketing.DecodeOrder(receive(t, s.Deliveries(), "delivery").Body)
		must(t, err)
		seen[order.ID]++
	}
	for _, o := range orders {
		if seen[o.ID] != 1 {
			t.Errorf("order %s arrived %d times", o.ID, seen[o.ID])
		}
	}
}

func testPrefetch(t *testing.T, b Broker) {
	t.Helper()
	publish(t, b, newOrders(5, general, 1)...)
	s := consume(t, b, 2)
	receive(t, s.Deliveries(), "first")
	second := receive(t, s.Deliveries(), "second")
	wantDepth(t, b, 3)
	wantNoDelivery(t, s)
	must(t, s.AckUpTo(second.Tag))
	receive(t, s.Deliveries(), "third")
	receive(t, s.Deliveries(), "fourth")
	wantNoDelivery(t, s)
}

func testAckUpTo(t *testing.T, b Broker) {
	t.Helper()
	orders := newOrders(4, general, 1)
	publish(t, b, orders...)
	s := consume(t, b, 10)
	var tags []uint64
	for range orders {
		tags = append(tags, receive(t, s.Deliveries(), "delivery").Tag)
	}
	must(t, s.AckUpTo(tags[2]))
	must(t, s.Close(t.Context()))
	wantDepth(t, b, 1)
	again := receive(t, consume(t, b, 10).Deliveries(), "redelivery")
	wantOrder(t, again, orders[3])
}

func testCloseGivesBack(t *testing.T, b Broker) {
	t.Helper()
	orders := newOrders(3, general, 1)
	publish(t, b, orders...)
	s := consume(t, b, 10)
	receive(t, s.Deliveries(), "first")
	for range 2 {
		must(t, s.Close(t.Context()))
	}
	wantEnd(t, s)
	wantDepth(t, b, 3)
	next := consume(t, b, 10)
	for _, want := range orders {
		wantOrder(t, receive(t, next.Deliveries(), "redelivery"), want)
	}
}

func testAckAfterEnd(t *testing.T, b Broker) {
	t.Helper()
	publish(t, b, newOrders(2, general, 1)...)
	old := consume(t, b, 10)
	receive(t, old.Deliveries(), "first")
	second := receive(t, old.Deliveries(), "second")
	must(t, old.Close(t.Context()))

	next := consume(t, b, 10)
	receive(t, next.Deliveries(), "first again")
	if err := old.AckUpTo(second.Tag); err == nil {
		t.Error("an ended session acknowledged")
	}
	if err := old.Park(t.Context(), second, "too late"); err == nil {
		t.Error("an ended session parked")
	}
	must(t, next.Close(t.Context()))
	wantDepth(t, b, 2)
}

func testPark(t *testing.T, b Broker) {
	t.Helper()
	b.PublishRaw(t, []byte("not an order"))
	publish(t, b, NewOrder(general, 1))
	s := consume(t, b, 10)
	poison := receive(t, s.Deliveries(), "poison")
	must(t, s.Park(t.Context(), poison, "cannot be read"))
	must(t, s.AckUpTo(poison.Tag))
	receive(t, s.Deliveries(), "the one behind it")
	want := []DeadLetter{{Body: "not an order", Reason: "cannot be read"}}
	if diff := cmp.Diff(want, b.DeadLetters(t)); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	must(t, s.Close(t.Context()))
	wantDepth(t, b, 1)
}

func testDisconnect(t *testing.T, b Broker) {
	t.Helper()
	order := NewOrder(general, 1)
	publish(t, b, order)
	s := consume(t, b, 10)
	first := receive(t, s.Deliveries(), "delivery")
	b.Disconnect(t)
	wantEnd(t, s)
	if err := s.AckUpTo(first.Tag); err == nil {
		t.Error("acknowledged over a broken connection")
	}
	must(t, s.Close(t.Context()))
	again := receive(t, consume(t, b, 10).Deliveries(), "redelivery")
	wantOrder(t, again, order)
	if !again.Redelivered {
		t.Error("a redelivery is not marked as such")
	}
}

func testTwoSessions(t *testing.T, b Broker) {
	t.Helper()
	first, second := consume(t, b, 2), consume(t, b, 2)
	publish(t, b, newOrders(4, general, 1)...)
	for range 2 {
		receive(t, first.Deliveries(), "delivery of the first session")
		receive(t, second.Deliveries(), "delivery of the second session")
	}
	wantNoDelivery(t, first)
	wantNoDelivery(t, second)
}

func testPrefetchPositive(t *testing.T, b Broker) {
	t.Helper()
	if _, err := b.Queue.Consume(t.Context(), 0); err == nil {
		t.Error("consumed without a bound")
	}
}

func testFence(t *testing.T, b Broker) {
	t.Helper()
	early, late, next := NewOrder(general, 1), NewOrder(general, 1), NewOrder(general, 1)
	next.Epoch = epochTwo
	publish(t, b, early)
	for range 2 { // fencing again changes nothing
		must(t, b.Backlog.Fence(t.Context(), epochOne))
		wantFenced(t, b, late)
		wantFenced(t, b, next)
	}
	must(t, b.Backlog.Admit(t.Context(), epochTwo))
	publish(t, b, next)
	wantFenced(t, b, late)
	s := consume(t, b, 10) // a new session must not let the old epoch in again
	wantOrder(t, receive(t, s.Deliveries(), "what was published before the fence"), early)
	wantOrder(t, receive(t, s.Deliveries(), "what was published in the new epoch"), next)
	wantFenced(t, b, late)
	wantNoDelivery(t, s)
}

func wantFenced(t *testing.T, b Broker, o ticketing.Order) {
	t.Helper()
	err := b.Publisher.Publish(t.Context(), o)
	if !errors.Is(err, checkout.ErrFenced) || !errors.Is(err, checkout.ErrUnavailable) {
		t.Errorf("publish in epoch %s: got %v, want ErrFenced and ErrUnavailable", o.Epoch, err)
	}
}

func testState(t *testing.T, b Broker) {
	t.Helper()
	publish(t, b, newOrders(3, general, 1)...)
	wantDepth(t, b, 3)
	s := consume(t, b, 2)
	second := func() fulfil.Delivery {
		receive(t, s.Deliveries(), "first")
		return receive(t, s.Deliveries(), "second")
	}()
	wantBacklog(t, b, 1, 1)
	must(t, s.AckUpTo(second.Tag))
	receive(t, s.Deliveries(), "third")
	wantBacklog(t, b, 0, 1)
	must(t, s.Close(t.Context()))
	wantBacklog(t, b, 1, 0)
}

func wantBacklog(t *testing.T, b Broker, wantReady, wantConsumers int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d orders are ready for %d consumers", wantReady, wantConsumers), func() error {
		ready, consumers, err := b.Backlog.State(t.Context())
		if err == nil && (ready != wantReady || consumers != wantConsumers) {
			err = fmt.Errorf("%d for %d", ready, consumers)
		}
		return err
	})
}

// publish publishes the orders one after another.
func publish(t *testing.T, b Broker, orders ...ticketing.Order) {
	t.Helper()
	for _, o := range orders {
		must(t, b.Publisher.Publish(t.Context(), o))
	}
}

// consume opens a session that is closed at the end of the test.
func consume(t *testing.T, b Broker, prefetch int) fulfil.Session {
	t.Helper()
	s := have[fulfil.Session](t)(b.Queue.Consume(t.Context(), prefetch))
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	return s
}

func wantOrder(t *testing.T, d fulfil.Delivery, want ticketing.Order) {
	t.Helper()
	got, err := ticketing.DecodeOrder(d.Body)
	must(t, err)
	if got.ID != want.ID {
		t.Errorf("delivered order %s, want %s", got.ID, want.ID)
	}
}

// wantDepth waits for the depth: brokers count behind time.
func wantDepth(t *testing.T, b Broker, want int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d messages are ready", want), func() error {
		depth, _, err := b.Backlog.State(t.Context())
		if err == nil && depth != want {
			err = fmt.Errorf("%d are", depth)
		}
		return err
	})
}

// wantNoDelivery gives the broker a moment to do wrong.
func wantNoDelivery(t *testing.T, s fulfil.Session) {
	t.Helper()
	select {
	case d := <-s.Deliveries():
		t.Errorf("delivery %d beyond the prefetch", d.Tag)
	case <-time.After(50 * time.Millisecond):
	}
}

// wantEnd waits until the session's deliveries end.
func wantEnd(t *testing.T, s fulfil.Session) {
	t.Helper()
	end := time.After(waitTimeout)
	for {
		select {
		case _, open := <-s.Deliveries():
			if !open {
				return
			}
		case <-end:
			t.Fatalf("the session did not end within %s", waitTimeout)
		}
	}
}

// eventually repeats the check until it has no complaint.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, waitTimeout, err)
		case <-ticker.C:
		}
	}
}
