package fulfil_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// settledOnce asserts that orders first to last, and no others, are in the books, in
// the log and in the arbiter, and that the queue is empty.
func (w *world) settledOnce(t *testing.T, first, last int) {
	t.Helper()
	want := ids(first, last)
	if diff := cmp.Diff(want, w.ledger.rows()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, w.log.successes()); diff != "" {
		t.Errorf("CONSUMER SUCCESS lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, slices.Compact(w.projection.known())); diff != "" {
		t.Errorf("arbiter (-want +got):\n%s", diff)
	}
	if left := w.left(t); left != 0 {
		t.Errorf("%d messages are left in the queue", left)
	}
}

func TestConsumerAcknowledgesAfterCommitOnly(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.onCommit = func(context.Context) {
			if held := w.queue.Unacknowledged(); held != 5 {
				t.Errorf("during the commit %d messages are unacknowledged, want 5", held)
			}
		}
		w.publish(t, 1, 5)
		w.start(t)
		w.settledOnce(t, 1, 5)
		if diff := cmp.Diff([]int{5}, w.ledger.commits); diff != "" {
			t.Errorf("commits (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]bool{false}, w.projection.announced()); diff != "" {
			t.Errorf("announcements (-want +got):\n%s", diff)
		}
	})
}

func TestConsumerStartsSlowly(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.publish(t, 1, 3000)
		w.start(t)
		w.settledOnce(t, 1, 3000)
		if diff := cmp.Diff([]int{50, 100, 200, 400, 500, 500, 500, 500, 250}, w.ledger.commits); diff != "" {
			t.Errorf("commits (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{100, 1000}, w.queue.prefetches); diff != "" {
			t.Errorf("windows (-want +got):\n%s", diff)
		}
	})
}

func TestConsumerParksOnlyTheOrderToBlame(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.reject = func(o ticketing.Order) error {
			if o.ID == orderID(7) {
				return &fulfil.RejectedError{Err: errors.New("no such tier")}
			}
			return nil
		}
		w.publish(t, 1, 40)
		w.start(t)
		dead := w.queue.DeadLetters()
		if len(dead) != 1 || !strings.Contains(dead[0].Reason, "no such tier") || !strings.Contains(string(dead[0].Body), string(orderID(7))) {
			t.Errorf("parked: %s", dead)
		}
		want := slices.DeleteFunc(ids(1, 40), func(id ticketing.OrderID) bool { return id == orderID(7) })
		if diff := cmp.Diff(want, w.log.successes()); diff != "" {
			t.Errorf("CONSUMER SUCCESS lines (-want +got):\n%s", diff)
		}
		if left := w.left(t); left != 0 {
			t.Errorf("%d messages are left", left)
		}
		if tries := len(w.ledger.commits); tries > 13 {
			t.Errorf("%d commits for one bad order in 40", tries)
		}
	})
}

func TestConsumerSettlesTheSameOrderOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.publish(t, 1, 1)
		w.publish(t, 1, 1)
		w.start(t)
		w.publish(t, 1, 1)
		advance(time.Second)
		w.settledOnce(t, 1, 1)
		if diff := cmp.Diff([]int{1, 1}, w.ledger.commits); diff != "" {
			t.Errorf("commits (-want +got):\n%s", diff)
		}
	})
}

func TestConsumerReportsRefusals(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.refused[orderID(2)] = true
		w.publish(t, 1, 2)
		w.start(t)
		if diff := cmp.Diff(ids(1, 1), w.log.successes()); diff != "" {
			t.Errorf("CONSUMER SUCCESS lines (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(ids(2, 2), w.log.orders("Refused an order: the arbiter had sold more seats than there are")); diff != "" {
			t.Errorf("refusals (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(ids(1, 2), w.projection.known()); diff != "" {
			t.Errorf("arbiter (-want +got):\n%s", diff)
		}
		want := "# HELP eventflow_consumer_settled_total Orders newly written to the ledger, or cancelled in it, by state. REFUSED above zero means that the arbiter oversold.\n" +
			"# TYPE eventflow_consumer_settled_total counter\n" +
			`eventflow_consumer_settled_total{state="CANCELLED"} 0` + "\n" +
			`eventflow_consumer_settled_total{state="CONFIRMED"} 1` + "\n" + `eventflow_consumer_settled_total{state="REFUSED"} 1` + "\n"
		if err := testutil.GatherAndCompare(w.registry, strings.NewReader(want), "eventflow_consumer_settled_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestConsumerFinishesTheBatchInHand(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		committing := make(chan struct{})
		w.ledger.onCommit = func(context.Context) {
			close(committing)
			advanceInside(3 * time.Second)
		}
		w.publish(t, 1, 50)
		w.start(t)
		<-committing
		w.publish(t, 51, 52)
		if took := w.stop(t); took < 2*time.Second {
			t.Errorf("ended in %s, without waiting for the commit", took)
		}
		w.end = nil
		if diff := cmp.Diff(ids(1, 50), w.projection.known()); diff != "" {
			t.Errorf("arbiter (-want +got):\n%s", diff)
		}
		if left := w.left(t); left != 2 || w.queue.Unacknowledged() != 0 {
			t.Errorf("the queue has %d messages, %d of them held; want the 2 that came later, given back", left, w.queue.Unacknowledged())
		}
	})
}

func TestConsumerEndsWithEverythingStuck(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{StopWithin: 2 * time.Second}, func(w *world) {
		t := w.t
		w.ledger.onCommit = func(ctx context.Context) { <-ctx.Done() }
		w.projection.fail(errBroken)
		w.publish(t, 1, 5)
		w.start(t)
		if took := w.stop(t); took != 2*time.Second {
			t.Errorf("ended in %s, want StopWithin", took)
		}
		w.end = nil
		if left := w.left(t); left != 5 || w.queue.Unacknowledged() != 0 {
			t.Errorf("the queue has %d messages, %d of them held; want all 5 given back", left, w.queue.Unacknowledged())
		}
	})
}

// advanceInside lets virtual time pass on a goroutine that is not the test's.
func advanceInside(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

func TestRejectedError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("commit: %w", &fulfil.RejectedError{Err: errBroken})
	if !errors.Is(err, errBroken) || errors.Is(err, fulfil.ErrUnavailable) {
		t.Errorf("%v does not unwrap to its cause alone", err)
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	fulfil.NewMetrics(registry)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
