package checkout_test

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const buyer = "ada@example.com"

// books commits whatever reaches the broker to the ledger, after the delay, and settles it.
func (w *world) books(t *testing.T, delay time.Duration) {
	t.Helper()
	must(t, w.ledger.SaveCatalog(t.Context(), []ticketing.Event{w.front.event}))
	background(t, func(ctx context.Context) error {
		session, err := w.broker.Consume(ctx, 100)
		if err != nil {
			return err
		}
		for {
			select {
			case d := <-session.Deliveries():
				time.Sleep(delay)
				order, err := ticketing.DecodeOrder(d.Body)
				if err != nil {
					return err
				}
				settled, err := w.ledger.Commit(ctx, []ticketing.Order{order})
				if err != nil {
					return err
				}
				if err := w.arbiter.Settle(ctx, settled); err != nil {
					return err
				}
				if err := session.AckUpTo(d.Tag); err != nil {
					return err
				}
			case <-ctx.Done():
				return nil
			}
		}
	})
}

// buy buys two seats under the key "key", without a wait.
func (w *world) buy(t *testing.T) ticketing.OrderID {
	t.Helper()
	record, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
	must(t, err)
	return record.Order.ID
}

func TestCancelInEachState(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		// The faults until the answer.
		brokerAway, paused bool
		// books are kept from the start, from the cancellation on, or only after its answer.
		booksFirst, books bool
		email             string
		wait              time.Duration
		// settled is what the answer says, after took.
		settled bool
		took    time.Duration
	}{
		"pending": {
			reason:     "the cancellation is in the outbox in its order's place, and nobody waits for the relay",
			brokerAway: true, wait: wait,
		},
		"accepted, books kept":    {books: true, wait: wait, settled: true, took: 2 * time.Millisecond},
		"accepted, books behind":  {wait: wait, took: wait},
		"accepted, no wait":       {},
		"confirmed":               {booksFirst: true, wait: wait, settled: true, took: time.Millisecond},
		"confirmed, no wait":      {booksFirst: true},
		"consumer paused":         {reason: "nobody waits in vain", paused: true, wait: wait},
		"the address in capitals": {booksFirst: true, email: "Ada@Example.COM", wait: wait, settled: true, took: time.Millisecond},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, nil)
				if tc.brokerAway {
					w.broker.Fail(checkout.ErrUnavailable)
				}
				if tc.booksFirst {
					w.books(t, time.Millisecond)
				}
				id := w.buy(t)
				time.Sleep(time.Second)
				if tc.books {
					w.books(t, time.Millisecond) // first the order's own commit, which is not the end
				}
				w.front.paused.Store(tc.paused)
				start := time.Now()
				got, err := w.shop.Cancel(t.Context(), id, cmp.Or(tc.email, buyer), tc.wait)
				if err != nil || got.Settled != tc.settled || got.Order.ID != id || time.Since(start) != tc.took {
					t.Errorf("%s: Cancel = settled %t, %v after %s; want %t after %s",
						tc.reason, got.Settled, err, time.Since(start), tc.settled, tc.took)
				}
				if left := w.left(t); !got.Settled && left != 8 {
					t.Errorf("%d seats left before the ledger has given them back", left)
				}
				w.showsCancelled(t, id)
				w.broker.Fail(nil)
				background(t, w.relay.Run)
				if !tc.books && !tc.booksFirst {
					w.books(t, 0)
				}
				time.Sleep(time.Minute)
				w.cancelledOnce(t, id)
			})
		})
	}
}

// showsCancelled checks what others see as soon as the cancellation is durable.
func (w *world) showsCancelled(t *testing.T, id ticketing.OrderID) {
	t.Helper()
	record, err := w.shop.Order(t.Context(), id)
	if err != nil || record.State != ticketing.StateCancelled {
		t.Errorf("Order = %s, %v; want CANCELLED from the answer on", record.State, err)
	}
	replayed, err := w.otherPod(t).Buy(t.Context(), purchase(), "key", wait)
	if err != nil || replayed.State != ticketing.StateCancelled || replayed.Order.ID != id {
		t.Errorf("replay of the purchase = %s %s, %v; want %s CANCELLED", replayed.Order.ID, replayed.State, err, id)
	}
}

// cancelledOnce checks that every seat is back, that nothing waits, and that a repetition
// is told so at once.
func (w *world) cancelledOnce(t *testing.T, id ticketing.OrderID) {
	t.Helper()
	record, err := w.ledger.Lookup(t.Context(), id)
	if err != nil || record.State != ticketing.StateCancelled {
		t.Errorf("the ledger has it %s, %v", record.State, err)
	}
	pending, err := w.arbiter.Pending(t.Context())
	must(t, err)
	if w.left(t) != 10 || w.waitingInOutbox(t) != 0 || w.queued(t) != 0 || len(pending) != 0 {
		t.Errorf("%d seats left, %d in the outbox, %d queued, %v pending; want 10, 0, 0, none",
			w.left(t), w.waitingInOutbox(t), w.queued(t), pending)
	}
	again, err := w.shop.Cancel(t.Context(), id, buyer, wait)
	if err != nil || !again.Settled || w.left(t) != 10 {
		t.Errorf("again: settled %t, %v, %d seats left", again.Settled, err, w.left(t))
	}
}

func TestCancelRefusals(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		before func(*testing.T, *world)
		email  string
		want   ticketing.Code
	}{
		"another's order":        {email: "eve@example.com", want: ticketing.CodeUnknownOrder},
		"another's prefix":       {email: "ada@example.co", want: ticketing.CodeUnknownOrder},
		"nobody's order":         {before: func(t *testing.T, w *world) { t.Helper(); w.forget(t) }, want: ticketing.CodeUnknownOrder},
		"refused by the ledger":  {before: func(t *testing.T, w *world) { t.Helper(); w.consume(t, ticketing.StateRefused, 0); synctest.Wait() }, want: ticketing.CodeNotCancellable},
		"the event has begun":    {before: func(_ *testing.T, w *world) { w.front.event.StartsAt = time.Now() }, want: ticketing.CodeNotCancellable},
		"the event begins later": {before: func(_ *testing.T, w *world) { w.front.event.StartsAt = time.Now().Add(time.Second) }},
		"the event is not known": {reason: "the buyer has the benefit of the doubt", before: func(_ *testing.T, w *world) { w.front.loaded = false }},
		"arbiter away":           {before: func(_ *testing.T, w *world) { w.arbiter.Fail(checkout.ErrUnavailable) }, want: ticketing.CodeStoreUnavailable},
		"arbiter not verified": {
			before: func(_ *testing.T, w *world) { w.front.closing = &ticketing.Error{Code: ticketing.CodeStoreUnavailable} },
			want:   ticketing.CodeStoreUnavailable,
		},
		"forgotten, ledger away": {
			reason: "the ledger may have it",
			before: func(t *testing.T, w *world) { t.Helper(); w.forget(t); w.ledger.Fail(checkout.ErrUnavailable) },
			want:   ticketing.CodeStoreUnavailable,
		},
		"forgotten, sale not open": {
			reason: "the stock that is made ready may have the seats in it",
			before: func(t *testing.T, w *world) { t.Helper(); w.forget(t); w.arbiter.SetEpoch("") },
			want:   ticketing.CodeSalePaused,
		},
		"sale not open": {before: func(_ *testing.T, w *world) { w.arbiter.SetEpoch("") }, want: ticketing.CodeSalePaused},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, nil)
				id := w.buy(t)
				time.Sleep(time.Second)
				if tc.before != nil {
					tc.before(t, w)
				}
				start := time.Now()
				_, err := w.shop.Cancel(t.Context(), id, cmp.Or(tc.email, buyer), 0)
				if ticketing.ErrorCode(err) != tc.want || time.Since(start) != 0 {
					t.Errorf("%s: Cancel = %v after %s, want %q", tc.reason, err, time.Since(start), tc.want)
				}
				w.arbiter.Fail(nil)
				if tc.want != "" && w.waitingInOutbox(t) != 0 {
					t.Error("a refused cancellation is in the outbox")
				}
			})
		})
	}
}

// forget loses the arbiter's data and opens it anew, without a rebuild.
func (w *world) forget(t *testing.T) {
	t.Helper()
	w.arbiter.Forget()
	must(t, w.broker.Fence(t.Context(), "epoch-1"))
	must(t, w.broker.Admit(t.Context(), "epoch-2"))
	w.arbiter.OpenSale("epoch-2", w.front.event)
}

// Whoever does not know the buyer's address learns nothing from the answer.
func TestCancelHidesOrdersOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		id := w.buy(t)
		_, mismatch := w.shop.Cancel(t.Context(), id, "eve@example.com", wait)
		w.forget(t)
		_, unknown := w.shop.Cancel(t.Context(), id, "eve@example.com", wait)
		if mismatch == nil || unknown == nil || mismatch.Error() != unknown.Error() {
			t.Errorf("another's order: %v; no order: %v", mismatch, unknown)
		}
	})
}

// An order that has expired from the arbiter is taken back from the ledger.
func TestCancelForgottenOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.books(t, 0)
		id := w.buy(t)
		time.Sleep(time.Second)
		w.forget(t) // its stock has 10 seats, as if the order had never been: 12 will be too many
		got, err := w.shop.Cancel(t.Context(), id, buyer, wait)
		if err != nil || !got.Settled || got.Order.Quantity != 2 {
			t.Fatalf("Cancel = %+v, %v", got, err)
		}
		if w.left(t) != 12 || w.waitingInOutbox(t) != 0 {
			t.Errorf("%d seats left, %d in the outbox; want 2 more than before, once, and 0", w.left(t), w.waitingInOutbox(t))
		}
		w.showsCancelled(t, id)
		w.forget(t)
		got, err = w.shop.Cancel(t.Context(), id, buyer, wait)
		if err != nil || !got.Settled || w.left(t) != 10 || w.waitingInOutbox(t) != 0 {
			t.Errorf("of an order that the ledger calls CANCELLED: %+v, %v, %d left", got, err, w.left(t))
		}
	})
}

func TestCancelAfterTheEventBeganIsRepeatable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		id := w.buy(t)
		_, err := w.shop.Cancel(t.Context(), id, buyer, 0)
		must(t, err)
		w.front.event.StartsAt = time.Now()
		if _, err := w.shop.Cancel(t.Context(), id, buyer, 0); err != nil {
			t.Errorf("the same again, after the event has begun: %v", err)
		}
	})
}

// Another pod than the one that sold is told when it is settled, and need not wait longer.
func TestCancelOnAnotherPod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		id := w.buy(t)
		w.books(t, 10*time.Millisecond)
		other := w.otherPod(t)
		background(t, func(ctx context.Context) error { return w.arbiter.Announcements("purchase-1").Run(ctx, other.Settle) })
		synctest.Wait()
		start := time.Now()
		got, err := other.Cancel(t.Context(), id, buyer, wait)
		if err != nil || !got.Settled || time.Since(start) != 20*time.Millisecond {
			t.Errorf("Cancel = settled %t, %v after %s", got.Settled, err, time.Since(start))
		}
		if got.Order.Node != node {
			t.Errorf("the order's pod is %s, want %s", got.Order.Node, node)
		}
	})
}

// 100 clicks on one order give its seats back once.
func TestCancelAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.books(t, time.Millisecond)
		id := w.buy(t)
		shops := []*checkout.Service{w.shop, w.otherPod(t)}
		var group sync.WaitGroup
		for i := range 100 {
			group.Go(func() {
				if _, err := shops[i%2].Cancel(t.Context(), id, buyer, wait); err != nil {
					t.Errorf("Cancel: %v", err)
				}
			})
		}
		group.Wait()
		time.Sleep(time.Second)
		w.cancelledOnce(t, id)
	})
}

func TestMetricsTellHowCancellationsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		id := w.buy(t)
		for _, email := range []string{"eve@example.com", buyer} {
			_, _ = w.shop.Cancel(t.Context(), id, email, 0)
		}
		w.books(t, 0)
		time.Sleep(time.Second)
		_, err := w.shop.Cancel(t.Context(), id, buyer, 0)
		must(t, err)
		want := `# HELP eventflow_purchase_cancellations_total Cancellations by how they ended: cancelled (in the ledger), accepted (durable), or the code of the refusal.
# TYPE eventflow_purchase_cancellations_total counter
eventflow_purchase_cancellations_total{result="accepted"} 1
eventflow_purchase_cancellations_total{result="cancelled"} 1
eventflow_purchase_cancellations_total{result="unknown_order"} 1
`
		if err := testutil.GatherAndCompare(w.registry, strings.NewReader(want), "eventflow_purchase_cancellations_total"); err != nil {
			t.Error(err)
		}
	})
}
