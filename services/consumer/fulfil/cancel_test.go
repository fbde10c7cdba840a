package fulfil_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// cancel puts the cancellation of an order into the queue.
func (w *world) cancel(t *testing.T, n int) {
	t.Helper()
	order := makeOrder(n)
	order.Cancelled = true
	if err := w.queue.Publish(t.Context(), order); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

// Whatever comes first, and in however many batches, an order ends CANCELLED and is
// logged as cancelled once.
func TestConsumerCancels(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason    string
		arrive    func(*testing.T, *world)
		successes []ticketing.OrderID
		states    []ticketing.State
	}{
		"after its order": {
			arrive: func(t *testing.T, w *world) {
				t.Helper()
				w.publish(t, 1, 1)
				advance(time.Second)
				w.cancel(t, 1)
			},
			successes: ids(1, 1),
			states:    []ticketing.State{ticketing.StateConfirmed, ticketing.StateCancelled},
		},
		"before its order": {
			arrive: func(t *testing.T, w *world) {
				t.Helper()
				w.cancel(t, 1)
				advance(time.Second)
				w.publish(t, 1, 1)
			},
			states: []ticketing.State{ticketing.StateCancelled, ticketing.StateCancelled},
		},
		"in the batch of its order": {
			reason: "it is written once, as CANCELLED",
			arrive: func(t *testing.T, w *world) { t.Helper(); w.publish(t, 1, 1); w.cancel(t, 1) },
			states: []ticketing.State{ticketing.StateCancelled},
		},
		"in the batch of its order, before it": {
			arrive: func(t *testing.T, w *world) { t.Helper(); w.cancel(t, 1); w.publish(t, 1, 1) },
			states: []ticketing.State{ticketing.StateCancelled},
		},
		"twice": {
			arrive: func(t *testing.T, w *world) {
				t.Helper()
				w.cancel(t, 1)
				advance(time.Second)
				w.cancel(t, 1)
				w.publish(t, 1, 1)
			},
			states: []ticketing.State{ticketing.StateCancelled, ticketing.StateCancelled},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, fulfil.Settings{}, func(w *world) {
				t := w.t
				w.start(t)
				tc.arrive(t, w)
				advance(time.Second)
				if diff := cmp.Diff(ids(1, 1), w.log.orders("Cancelled order")); diff != "" {
					t.Errorf("%s: lines of cancelled orders (-want +got):\n%s", tc.reason, diff)
				}
				if diff := cmp.Diff(tc.successes, w.log.successes()); diff != "" {
					t.Errorf("CONSUMER SUCCESS lines (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tc.states, w.projection.states[orderID(1)]); diff != "" {
					t.Errorf("%s: settled (-want +got):\n%s", tc.reason, diff)
				}
				if left := w.left(t); left != 0 {
					t.Errorf("%d messages are left", left)
				}
			})
		})
	}
}

// A REFUSED order stays so: nobody is told that it was cancelled.
func TestConsumerDoesNotCancelARefusedOrder(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.refused[orderID(1)] = true
		w.start(t)
		w.publish(t, 1, 1)
		advance(time.Second)
		w.cancel(t, 1)
		advance(time.Second)
		want := []ticketing.State{ticketing.StateRefused, ticketing.StateRefused}
		if diff := cmp.Diff(want, w.projection.states[orderID(1)]); diff != "" {
			t.Errorf("settled (-want +got):\n%s", diff)
		}
		if lines := w.log.orders("Cancelled order"); len(lines) != 0 {
			t.Errorf("logged as cancelled: %v", lines)
		}
	})
}

// The ledger cancelled, its answer was lost: nothing is acknowledged, and afterwards the
// order has its line once.
func TestConsumerLogsACancellationWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.start(t)
		w.publish(t, 1, 1)
		advance(time.Second)
		w.ledger.set(func(l *ledger) { l.lose = errAway })
		w.cancel(t, 1)
		advance(10 * time.Second)
		if left := w.left(t); left != 1 {
			t.Errorf("the queue has %d messages, want the cancellation", left)
		}
		w.ledger.set(func(l *ledger) { l.lose = nil })
		advance(5 * time.Second)
		if diff := cmp.Diff(ids(1, 1), w.log.orders("Cancelled order")); diff != "" {
			t.Errorf("lines of cancelled orders (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(ids(1, 1), w.log.successes()); diff != "" {
			t.Errorf("CONSUMER SUCCESS lines (-want +got):\n%s", diff)
		}
	})
}

// An order whose own commit had no known outcome, and that another consumer cancelled
// meanwhile, is not logged as cancelled by this one.
func TestConsumerLeavesTheLineToWhoeverCancelled(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.set(func(l *ledger) {
			l.lose = errAway
			l.onCommit = func(context.Context) {
				l.set(func(l *ledger) {
					if _, found := l.states[orderID(1)]; found {
						l.states[orderID(1)] = ticketing.StateCancelled
						l.lose = nil
					}
				})
			}
		})
		w.publish(t, 1, 1)
		w.start(t)
		advance(5 * time.Second)
		if lines := w.log.orders("Cancelled order"); len(lines) != 0 {
			t.Errorf("logged as cancelled: %v", lines)
		}
		if diff := cmp.Diff([]ticketing.State{ticketing.StateCancelled}, w.projection.states[orderID(1)]); diff != "" {
			t.Errorf("settled (-want +got):\n%s", diff)
		}
	})
}
