package opening_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/internal/memory"
)

func TestOpenerOpensAFreshSale(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		defer start(t, w.opener(t, catalog(100)))()
		advance(1900 * time.Millisecond)
		if epoch := w.epoch(t); epoch != "" {
			t.Errorf("opened at the first look, as %s", epoch)
		}
		advance(200 * time.Millisecond)
		if epoch, left := w.epoch(t), w.left(t); epoch != "epoch-1" || left != 100 {
			t.Errorf("epoch %q with %d seats, want epoch-1 with 100", epoch, left)
		}
		if w.gauge(t) != 1 {
			t.Error("the metric says that the sale is not open")
		}
		advance(time.Hour)
		if made := w.epochs.Load(); made != 1 {
			t.Errorf("%d epochs were made", made)
		}
	})
}

func TestOpenerWaitsForEveryStore(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault     func(w *world) *memory.Faults
		wantReady bool
	}{
		"ledger away":  {fault: func(w *world) *memory.Faults { return &w.ledger.Faults }},
		"arbiter away": {fault: func(w *world) *memory.Faults { return &w.arbiter.Faults }, wantReady: true},
		"broker away":  {fault: func(w *world) *memory.Faults { return &w.broker.Faults }, wantReady: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				o := w.opener(t, catalog(100))
				tc.fault(w).Fail(errAway)
				defer start(t, o)()
				advance(30 * time.Minute)
				if ready := closed(o.Ready()); ready != tc.wantReady {
					t.Errorf("ready is %v, want %v", ready, tc.wantReady)
				}
				tc.fault(w).Fail(nil)
				advance(7100 * time.Millisecond)
				if epoch := w.epoch(t); epoch != "epoch-1" {
					t.Errorf("epoch is %q after the return", epoch)
				}
				if !closed(o.Ready()) {
					t.Error("not ready after the return")
				}
				if lines := strings.Count(w.log.String(), "connection refused"); lines != 1 {
					t.Errorf("the problem was logged %d times, want once", lines)
				}
			})
		})
	}
}

func TestOpenerRefusesWrongSettings(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		w.settings = errors.New("appendfsync is everysec, must be always")
		defer start(t, w.opener(t, catalog(100)))()
		advance(time.Hour)
		if epoch := w.epoch(t); epoch != "" {
			t.Errorf("opened as %s on wrong settings", epoch)
		}
		if !strings.Contains(w.log.String(), "appendfsync is everysec") {
			t.Errorf("the log does not name the setting:\n%s", w.log)
		}
		w.mu.Lock()
		w.settings = nil
		w.mu.Unlock()
		advance(5100 * time.Millisecond)
		if epoch := w.epoch(t); epoch != "epoch-1" {
			t.Errorf("epoch is %q after the correction", epoch)
		}
	})
}

// At no moment may the arbiter have more seats than the ledger has room for.
func TestOpenerChangesCapacityInASafeOrder(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		capacity int
		want     []string
		wantLeft int
	}{
		"grows":                {capacity: 150, want: []string{"ledger 150", "arbiter 150", "ledger 150"}, wantLeft: 149},
		"stays":                {capacity: 100, want: []string{"ledger 100", "arbiter 100", "ledger 100"}, wantLeft: 99},
		"shrinks":              {capacity: 60, want: []string{"ledger 100", "arbiter 60", "ledger 60"}, wantLeft: 59},
		"shrinks to what sold": {capacity: 1, want: []string{"ledger 100", "arbiter 1", "ledger 1"}, wantLeft: 0},
		"shrinks below it":     {capacity: 0, want: []string{"ledger 100"}, wantLeft: 99},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				stop := start(t, w.opener(t, catalog(100)))
				advance(time.Minute)
				stop()
				reserve(t, w)
				w.ledger.trail.take()
				defer start(t, w.opener(t, catalog(tc.capacity)))()
				advance(time.Minute)
				if diff := cmp.Diff(tc.want, w.ledger.trail.take()); diff != "" {
					t.Errorf("capacities in order (-want +got):\n%s", diff)
				}
				if left := w.left(t); left != tc.wantLeft {
					t.Errorf("%d seats are left, want %d", left, tc.wantLeft)
				}
				if epoch := w.epoch(t); epoch != "epoch-1" {
					t.Errorf("epoch is %q, want the old one", epoch)
				}
			})
		})
	}
}

// An order that is accepted must not be rejected for a tier that a new, empty ledger
// does not have yet; but a ledger that has them must not be held up by a catalog that it refuses.
func TestOpenerIsReadyOnceTheLedgerHasACatalog(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"empty ledger": false, "ledger with the tiers": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t := w.t
				if known {
					if err := w.ledger.SaveCatalog(t.Context(), catalog(100)); err != nil {
						t.Fatal(err)
					}
				}
				w.ledger.refuse = errors.New("currency cannot change")
				o := w.opener(t, catalog(100))
				defer start(t, o)()
				advance(time.Minute)
				if ready := closed(o.Ready()); ready != known {
					t.Errorf("ready is %v, want %v", ready, known)
				}
				if epoch := w.epoch(t); epoch != "" {
					t.Errorf("opened as %s with a catalog that the ledger refuses", epoch)
				}
			})
		})
	}
}

func TestOpenersAgreeOnOneEpoch(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		defer start(t, w.opener(t, catalog(100)))()
		advance(time.Second)
		defer start(t, w.opener(t, catalog(100)))()
		advance(time.Minute)
		if epoch, left := w.epoch(t), w.left(t); epoch != "epoch-1" || left != 100 {
			t.Errorf("epoch %q with %d seats, want epoch-1 with 100", epoch, left)
		}
	})
}

func TestNewRefusesAnInvalidCatalog(t *testing.T) {
	t.Parallel()
	events := catalog(100)
	events[0].Tiers[0].Capacity = -1
	if _, err := opening.New(opening.Deps{}, events); err == nil || !strings.Contains(err.Error(), "capacity is negative") {
		t.Errorf("error is %v", err)
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	opening.NewMetrics(registry)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
