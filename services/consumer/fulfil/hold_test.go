package fulfil_test

import (
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
)

// A consumer that is held takes what is in the queue, and only then leaves it.
func TestHeldConsumerLeavesAnEmptyQueue(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.publish(t, 1, 700)
		w.held.Store(true)
		w.start(t)
		advance(time.Minute)
		if n := len(w.ledger.states); n != 0 {
			t.Errorf("%d orders were written by a consumer that is to stay away", n)
		}
		w.held.Store(false)
		advance(time.Second)
		w.held.Store(true)
		advance(2 * time.Second)
		if ready, consumers, err := w.queue.State(t.Context()); ready != 0 || consumers != 0 || err != nil {
			t.Errorf("%d orders and %d consumers, %v: want an empty queue without any", ready, consumers, err)
		}
		w.publish(t, 701, 702)
		advance(time.Minute)
		if n := w.left(t); n != 2 {
			t.Errorf("%d orders are left, want the two that came while the consumer was away", n)
		}
		w.held.Store(false)
		advance(time.Second)
		if n := w.left(t); n != 0 {
			t.Errorf("%d orders are left after the hold", n)
		}
	})
}
