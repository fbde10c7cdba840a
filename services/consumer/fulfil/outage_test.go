package fulfil_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// An outage: nothing is held, everybody is told, and the return is noticed soon.
func TestConsumerPausesAndResumes(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.publish(t, 1, 600)
		w.start(t)
		before := len(w.ledger.commits)
		w.ledger.set(func(l *ledger) { l.err = errAway })
		w.publish(t, 601, 1200)
		advance(40 * time.Minute)
		if held := w.queue.Unacknowledged(); held != 0 {
			t.Errorf("%d messages are unacknowledged during the outage, want 0", held)
		}
		if diff := cmp.Diff([]bool{false, true}, w.projection.announced()); diff != "" {
			t.Errorf("announcements during the outage (-want +got):\n%s", diff)
		}
		if pings := len(w.ledger.pings); pings < 1200 || pings > 4800 {
			t.Errorf("%d probes in 40 minutes, want one in 0.5 to 2 seconds", pings)
		}
		if commits := len(w.ledger.commits) - before; commits != 1 {
			t.Errorf("%d commits were tried during the outage, want the one that found out", commits)
		}
		w.ledger.set(func(l *ledger) { l.err = nil })
		advance(2100 * time.Millisecond)
		w.settledOnce(t, 1, 1200)
		if diff := cmp.Diff([]bool{false, true, false}, w.projection.announced()); diff != "" {
			t.Errorf("announcements (-want +got):\n%s", diff)
		}
		if first := w.ledger.commits[before+1]; first != 50 {
			t.Errorf("the first batch after the outage has %d orders, want 50", first)
		}
	})
}

func TestConsumerNoticesOutageWithoutOrders(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.start(t)
		w.ledger.set(func(l *ledger) { l.err = errAway })
		advance(1100 * time.Millisecond)
		if diff := cmp.Diff([]bool{false, true}, w.projection.announced()); diff != "" {
			t.Errorf("announcements (-want +got):\n%s", diff)
		}
	})
}

// A ledger that hangs is not known to be away yet, but nobody waits for it any more.
func TestConsumerAnnouncesThatACommitHangs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reject func(ticketing.Order) error
		want   []bool
	}{
		"and commits in the end": {want: []bool{false, true, false}},
		"and rejects in the end": {
			reject: func(ticketing.Order) error { return &fulfil.RejectedError{Err: errBroken} },
			want:   []bool{false, true, false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, fulfil.Settings{}, func(w *world) {
				t := w.t
				w.start(t)
				w.ledger.set(func(l *ledger) {
					l.onCommit = func(context.Context) { time.Sleep(3 * time.Second) }
					l.reject = tc.reject
				})
				w.publish(t, 1, 1)
				advance(450 * time.Millisecond)
				if diff := cmp.Diff([]bool{false}, w.projection.announced()); diff != "" {
					t.Errorf("announced before it was slow (-want +got):\n%s", diff)
				}
				advance(100 * time.Millisecond)
				if diff := cmp.Diff([]bool{false, true}, w.projection.announced()); diff != "" {
					t.Errorf("announced while it hangs (-want +got):\n%s", diff)
				}
				advance(3 * time.Second)
				if diff := cmp.Diff(tc.want, w.projection.announced()); diff != "" {
					t.Errorf("announced (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The ledger committed, its answer was lost: nothing may be acknowledged, and
// afterwards each order is there, and has its line, once.
func TestConsumerDoesNotAcknowledgeUnknownOutcome(t *testing.T) {
	t.Parallel()
	causes := map[string]func(*ledger){
		"answer lost":            func(l *ledger) { l.lose = errAway },
		"error of no known kind": func(l *ledger) { l.lose = errBroken },
		"rejection in an outage": func(l *ledger) { l.lose = errors.Join(errAway, &fulfil.RejectedError{Err: errBroken}) },
		"order not mentioned":    func(l *ledger) { l.mute = 1 },
	}
	for name, fault := range causes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, fulfil.Settings{}, func(w *world) {
				t := w.t
				w.ledger.set(fault)
				w.publish(t, 1, 5)
				w.start(t)
				advance(10 * time.Second)
				if left := w.left(t); left != 5 {
					t.Errorf("the queue has %d messages, want 5", left)
				}
				if dead := w.queue.DeadLetters(); len(dead) != 0 {
					t.Errorf("%d messages were parked", len(dead))
				}
				w.ledger.set(func(l *ledger) { l.lose, l.mute = nil, 0 })
				advance(5 * time.Second)
				w.settledOnce(t, 1, 5)
			})
		})
	}
}

// A commit that fails while Ping succeeds (disk full, lock timeouts) must not be retried in a hot loop.
func TestConsumerBacksOffWhereOnlyCommitFails(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.set(func(l *ledger) { l.err, l.pingOnly = errAway, true })
		w.publish(t, 1, 5)
		w.start(t)
		advance(time.Minute)
		if commits := len(w.ledger.commits); commits > 120 {
			t.Errorf("%d commits were tried in a minute", commits)
		}
		w.ledger.set(func(l *ledger) { l.err = nil })
		advance(2100 * time.Millisecond)
		w.settledOnce(t, 1, 5)
	})
}

// The arbiter is away: acknowledging does not wait for it, and it learns everything later.
func TestConsumerConvergesAfterMissedSettlements(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.projection.fail(errBroken)
		w.publish(t, 1, 1200)
		w.start(t)
		if left := w.left(t); left != 0 {
			t.Errorf("%d messages wait for the arbiter", left)
		}
		advance(10 * time.Minute)
		w.projection.fail(nil)
		advance(5 * time.Second)
		w.settledOnce(t, 1, 1200)
		if diff := cmp.Diff([]bool{false}, w.projection.announced()); diff != "" {
			t.Errorf("announcements (-want +got):\n%s", diff)
		}
	})
}

// What is remembered for an arbiter that is away has a bound; the newest survive.
func TestConsumerBoundsMissedSettlements(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.projection.fail(errBroken)
		w.publish(t, 1, 25_000)
		w.start(t)
		if left := w.left(t); left != 0 {
			t.Errorf("%d messages wait for the arbiter", left)
		}
		advance(time.Minute)
		w.projection.fail(nil)
		advance(5 * time.Second)
		known := w.projection.known()
		if len(known) < 20_000 || len(known) > 20_500 {
			t.Errorf("%d settlements were remembered, want the bound of 20,000 and at most a chunk", len(known))
		}
		if last := known[len(known)-1]; last != orderID(25_000) {
			t.Errorf("the newest that was remembered is %s", last)
		}
		dropped := fmt.Sprintf("# HELP eventflow_consumer_unsettled_dropped_total Orders that the arbiter will not be told about by this process.\n"+
			"# TYPE eventflow_consumer_unsettled_dropped_total counter\neventflow_consumer_unsettled_dropped_total %d\n", 25_000-len(known))
		if err := testutil.GatherAndCompare(w.registry, strings.NewReader(dropped), "eventflow_consumer_unsettled_dropped_total"); err != nil {
			t.Error(err)
		}
		message := "Dropping settlements that the arbiter does not take: it needs a reconciliation"
		if lines := w.log.orders(message); len(lines) != 1 {
			t.Errorf("the loss was logged %d times, want once", len(lines))
		}
	})
}

func TestConsumerAnnouncesAgainToAnArbiterThatForgot(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.set(func(l *ledger) { l.err = errAway })
		w.start(t)
		advance(time.Minute)
		if told := len(w.projection.paused); told < 12 || told > 14 {
			t.Errorf("the pause was announced %d times in a minute, want about every 5 s", told)
		}
		w.ledger.set(func(l *ledger) { l.err = nil })
		advance(time.Hour)
		if last := w.projection.paused; last[len(last)-1] || last[len(last)-2] == false {
			t.Errorf("the end of the pause was not announced once: %v", last[len(last)-2:])
		}
	})
}

func TestConsumerSurvivesItsQueue(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.start(t)
		w.queue.Disconnect()
		w.publish(t, 1, 3)
		advance(time.Second)
		w.settledOnce(t, 1, 3)

		w.queue.Fail(errBroken)
		w.queue.Disconnect()
		advance(10 * time.Minute)
		if diff := cmp.Diff([]bool{false, true}, w.projection.announced()); diff != "" {
			t.Errorf("announcements without a queue (-want +got):\n%s", diff)
		}
		w.queue.Fail(nil)
		w.publish(t, 4, 6)
		advance(2100 * time.Millisecond)
		w.settledOnce(t, 1, 6)
	})
}

// The session ends while a batch is being committed: it comes again, and is not told twice.
func TestConsumerSurvivesASessionThatEndsDuringCommit(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.onCommit = func(context.Context) {
			if len(w.ledger.commits) == 0 {
				w.queue.Disconnect()
			}
		}
		w.publish(t, 1, 5)
		w.start(t)
		advance(time.Second)
		w.settledOnce(t, 1, 5)
		if diff := cmp.Diff([]int{5, 5}, w.ledger.commits); diff != "" {
			t.Errorf("commits (-want +got):\n%s", diff)
		}
	})
}

func TestConsumerWaitsForTheSchema(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.publish(t, 1, 3)
		w.run(t)
		advance(time.Minute)
		if len(w.queue.prefetches) != 0 || len(w.ledger.pings) != 0 {
			t.Errorf("began without a schema: %d sessions, %d probes", len(w.queue.prefetches), len(w.ledger.pings))
		}
		if diff := cmp.Diff([]bool{true}, w.projection.announced()); diff != "" {
			t.Errorf("announcements (-want +got):\n%s", diff)
		}
		close(w.ready)
		advance(time.Second)
		w.settledOnce(t, 1, 3)
	})
}
