package checkout_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// The arbiter loses its data between a reservation and its publish, and the broker takes
// nothing of the lost epoch any more: nothing may be promised.
func TestLostReservationIsNotPromised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.deps.Publisher = forgetful{w}
		w.renew(t)
		got, err := w.shop.Buy(t.Context(), purchase(), "key", wait)
		if ticketing.ErrorCode(err) != ticketing.CodeOutcomeUnknown || got.Order.ID == "" {
			t.Fatalf("Buy = %+v, %v, want OUTCOME_UNKNOWN with an order id", got, err)
		}
		if n := w.queued(t); n != 0 {
			t.Errorf("%d orders in the queue, want none", n)
		}
		// The same key finds out, in the new epoch.
		w.arbiter.OpenSale("epoch-2", w.front.event)
		must(t, w.broker.Admit(t.Context(), "epoch-2"))
		w.deps.Publisher = w.broker
		w.renew(t)
		again, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
		must(t, err)
		if again.Order.ID != got.Order.ID || again.State != ticketing.StateAccepted || again.Order.Epoch != "epoch-2" {
			t.Errorf("the retry is %+v, want the same order, accepted in epoch-2", again)
		}
		if left := w.left(t); left != 8 {
			t.Errorf("%d seats are left, want 8", left)
		}
	})
}

// A broker that has lost its data takes nothing until it is told again. Whether it is that,
// or the arbiter, nobody knows here: nothing is promised, and the same key finds out.
func TestBrokerWithoutItsDataPromisesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		background(t, w.relay.Run)
		w.broker.Forget()
		got, err := w.shop.Buy(t.Context(), purchase(), "key", wait)
		if ticketing.ErrorCode(err) != ticketing.CodeOutcomeUnknown || w.waitingInOutbox(t) != 1 {
			t.Fatalf("Buy = %+v, %v with %d orders in the outbox, want OUTCOME_UNKNOWN and 1", got, err, w.waitingInOutbox(t))
		}
		must(t, w.broker.Admit(t.Context(), "epoch-1"))
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if w.waitingInOutbox(t) != 0 || w.queued(t) != 1 {
			t.Errorf("%d in the outbox, %d queued; want 0 and 1", w.waitingInOutbox(t), w.queued(t))
		}
		again, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
		if err != nil || again.Order.ID != got.Order.ID || again.State != ticketing.StateAccepted || w.left(t) != 8 {
			t.Errorf("the retry is %+v, %v with %d seats left, want the same order, accepted, and 8", again, err, w.left(t))
		}
	})
}
