package opening_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// The arbiter loses its data: what is in the queue is written, what the ledger has is
// counted, and the sale opens again with the seats that are left.
func TestOpenerRebuildsALostArbiter(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		lose     func(w *world)
		wantLeft int
	}{
		"nothing was sold": {lose: func(*world) {}, wantLeft: 100},
		"orders are in the ledger": {
			lose: func(w *world) { w.sell(w.t, 1) }, wantLeft: 99,
		},
		"orders are in the queue": {
			lose: func(w *world) { w.enqueue(w.t, 1); w.enqueue(w.t, 2) }, wantLeft: 98,
		},
		"many orders, and a slow consumer": {lose: func(w *world) {
			w.perOrder = 700 * time.Millisecond
			for n := range 25 {
				w.enqueue(w.t, n)
			}
		}, wantLeft: 75},
		"an order is published before the loss is noticed": {lose: func(w *world) {
			time.AfterFunc(500*time.Millisecond, func() { w.enqueue(w.t, 1) })
		}, wantLeft: 99},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				o := w.opener(t, catalog(100))
				w.consume(t, o)
				defer start(t, o)()
				advance(time.Minute)
				lost := w.epoch(t)
				w.arbiter.Forget()
				tc.lose(w)
				advance(time.Minute)
				if epoch := w.epoch(t); epoch == "" || epoch == lost {
					t.Errorf("epoch is %q after the loss of %q", epoch, lost)
				}
				if left := w.left(t); left != tc.wantLeft {
					t.Errorf("%d seats are left, want %d", left, tc.wantLeft)
				}
				if ready, consumers, err := w.broker.State(t.Context()); ready != 0 || consumers != 1 || err != nil {
					t.Errorf("%d orders wait for %d consumers, %v: want the consumer back at an empty queue", ready, consumers, err)
				}
				if lines := strings.Count(w.log.String(), "lost its data"); lines != 1 {
					t.Errorf("the loss was logged %d times, want once:\n%s", lines, w.log)
				}
				if w.gauge(t) != 1 {
					t.Error("the metric says that the sale is not open")
				}
			})
		})
	}
}

// A pod that reserved before the loss and is slow to publish must not get its order in
// once the seats are counted.
func TestOpenerFencesTheLostEpoch(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		o := w.opener(t, catalog(100))
		w.consume(t, o)
		defer start(t, o)()
		advance(time.Minute)
		if err := w.broker.Publish(t.Context(), order(1)); err != nil {
			t.Fatalf("publish in the first epoch: %v", err)
		}
		w.arbiter.Forget()
		advance(1500 * time.Millisecond) // noticed, and not opened again yet
		if epoch := w.epoch(t); epoch != "" {
			t.Fatalf("opened as %s at once", epoch)
		}
		for range 2 {
			if err := w.broker.Publish(t.Context(), order(2)); !errors.Is(err, checkout.ErrFenced) {
				t.Errorf("publish in the lost epoch: %v, want ErrFenced", err)
			}
			advance(time.Minute)
		}
		next := order(3)
		next.Epoch = w.epoch(t)
		if err := w.broker.Publish(t.Context(), next); err != nil {
			t.Errorf("publish in the new epoch: %v", err)
		}
	})
}

// The keys of what was sold before the loss are known again.
func TestOpenerRestoresSettledOrders(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		const orders = 2345 // more than two pages
		o := w.opener(t, catalog(10_000))
		w.consume(t, o)
		defer start(t, o)()
		advance(time.Minute)
		for n := range orders {
			w.sell(t, n)
		}
		w.arbiter.Forget()
		advance(time.Minute)
		for _, n := range []int{0, 1000, orders - 1} {
			outcome, err := w.arbiter.Reserve(t.Context(), checkout.Reservation{Order: order(n), Fingerprint: order(n).Fingerprint()})
			if err != nil || outcome.Verdict != checkout.Known || outcome.Record.State != ticketing.StateConfirmed {
				t.Errorf("order %d again: %+v, %v, want it known and CONFIRMED", n, outcome, err)
			}
		}
		if left := w.left(t); left != 10_000-orders {
			t.Errorf("%d seats are left, want %d", left, 10_000-orders)
		}
	})
}

// While any store is away the sale stays paused, and opens by itself once all are back.
func TestOpenerRebuildsWhenEveryStoreIsBack(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"ledger", "broker", "arbiter"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				fault := map[string]interface{ Fail(error) }{"ledger": w.ledger, "broker": w.broker, "arbiter": w.arbiter}[store]
				o := w.opener(t, catalog(100))
				w.consume(t, o)
				defer start(t, o)()
				advance(time.Minute)
				w.enqueue(t, 1)
				w.arbiter.Forget()
				fault.Fail(errAway)
				advance(5 * time.Minute)
				if w.gauge(t) != 0 && store != "arbiter" {
					t.Error("the metric says that the sale is open")
				}
				fault.Fail(nil)
				advance(30 * time.Second)
				if epoch, left := w.epoch(t), w.left(t); epoch == "" || epoch == "epoch-1" || left != 99 {
					t.Errorf("epoch %q with %d seats, want a new one with 99", epoch, left)
				}
			})
		})
	}
}

// An arbiter that comes back with data of an epoch that has ended must not go on with it.
func TestOpenerThrowsStaleDataAway(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		o := w.opener(t, catalog(100))
		w.consume(t, o)
		defer start(t, o)()
		advance(time.Minute)
		stale := w.epoch(t)
		w.arbiter.Forget()
		w.sell(t, 1)
		advance(time.Minute)
		w.sell(t, 2)
		w.arbiter.SetEpoch(stale)
		advance(time.Minute)
		if epoch, left := w.epoch(t), w.left(t); epoch == stale || epoch == "" || left != 98 {
			t.Errorf("epoch %q with %d seats, want a new one with 98", epoch, left)
		}
	})
}

// interrupted is an arbiter whose rebuild does not come to its end.
type interrupted struct {
	*stock
	before string
}

func (i *interrupted) stop(step string) error {
	if i.before != step {
		return nil
	}
	return fmt.Errorf("%s: %w", step, errAway)
}

func (i *interrupted) Begin(ctx context.Context, token, stale string) error {
	return errors.Join(i.stop("begin"), i.stock.Begin(ctx, token, stale))
}

func (i *interrupted) Restore(ctx context.Context, token string, records []opening.Record) error {
	return errors.Join(i.stop("restore"), i.stock.Restore(ctx, token, records))
}

func (i *interrupted) Open(ctx context.Context, sale opening.Sale) error {
	if err := i.stop("open"); err != nil {
		return err
	}
	return i.stock.Open(ctx, sale)
}

// A rebuild that stops between any two steps, with its process, is done by the next one.
func TestOpenerFinishesWhatAnotherBegan(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"begin", "restore", "open"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				first := w.opener(t, catalog(100))
				stop := start(t, first)
				advance(time.Minute)
				w.sell(t, 1)
				stop()
				w.arbiter.Forget()

				second := w.openerWith(t, catalog(100), &interrupted{stock: w.arbiter, before: step})
				stop = start(t, second)
				advance(time.Minute)
				stop()
				if epoch := w.epoch(t); epoch != "" {
					t.Fatalf("opened as %s although it was stopped at %s", epoch, step)
				}

				third := w.opener(t, catalog(100))
				w.consume(t, third)
				defer start(t, third)()
				advance(time.Minute)
				if epoch, left := w.epoch(t), w.left(t); epoch == "" || left != 99 {
					t.Errorf("epoch %q with %d seats, want 99", epoch, left)
				}
			})
		})
	}
}

// A consumer that is held by somebody else keeps the sale paused: it may have orders.
func TestOpenerWaitsForOtherConsumers(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		o := w.opener(t, catalog(100))
		defer start(t, o)()
		advance(time.Minute)
		w.enqueue(t, 1)
		other, err := w.broker.Consume(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		w.arbiter.Forget()
		advance(10 * time.Minute)
		if epoch := w.epoch(t); epoch != "" {
			t.Errorf("opened as %s while a consumer holds an order", epoch)
		}
		w.consume(t, o)
		if err := other.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		advance(time.Minute)
		if epoch, left := w.epoch(t), w.left(t); epoch == "" || left != 99 {
			t.Errorf("epoch %q with %d seats, want 99", epoch, left)
		}
	})
}

// Two consumers lose the arbiter at the same time: one epoch is opened, with the right
// seats, and both go back to the queue.
func TestOpenersRebuildTogether(t *testing.T) {
	t.Parallel()
	for _, apart := range []time.Duration{0, 100 * time.Millisecond, 700 * time.Millisecond} {
		t.Run(apart.String(), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				first, second := w.opener(t, catalog(100)), w.opener(t, catalog(100))
				w.consume(t, first)
				w.consume(t, second)
				defer start(t, first)()
				advance(apart)
				defer start(t, second)()
				advance(time.Minute)
				lost := w.epoch(t)
				w.arbiter.Forget()
				w.enqueue(t, 1)
				advance(time.Minute)
				if epoch, left := w.epoch(t), w.left(t); epoch == "" || epoch == lost || left != 99 {
					t.Errorf("epoch %q with %d seats, want a new one with 99", epoch, left)
				}
				if first.Hold() || second.Hold() {
					t.Errorf("held are %v and %v, want neither", first.Hold(), second.Hold())
				}
				if ready, consumers, err := w.broker.State(t.Context()); ready != 0 || consumers != 2 || err != nil {
					t.Errorf("%d orders wait for %d consumers, %v: want both back", ready, consumers, err)
				}
			})
		})
	}
}
