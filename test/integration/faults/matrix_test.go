//go:build integration

package faults_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
	"github.com/eventflow-dev/eventflow/test/framework/load"
)

const (
	rate    = 20.0 // purchases a second, over both pods
	cancels = 0.3  // share of them that is cancelled a moment later
	before  = 2 * time.Second
	outage  = 6 * time.Second
	after   = 2 * time.Second
	settles = 90 * time.Second
	// known is how long a pod may take to notice that a store is gone.
	known = 2 * time.Second
)

// TestFaultMatrix is the design's fault matrix: every combination of stores away, in
// every way, under load. Each cell asserts the kind of answer, its time, that the pods
// stay up, and with the checker that every promise was kept.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for _, fault := range []faultproxy.Fault{faultproxy.Refused, faultproxy.BlackHole, faultproxy.Slow} {
		for _, away := range [][]string{
			{"postgres"},
			{"redis"},
			{"rabbitmq"},
			{"postgres", "redis"},
			{"postgres", "rabbitmq"},
			{"redis", "rabbitmq"},
			{"postgres", "redis", "rabbitmq"},
		} {
			t.Run(strings.Join(away, "+")+" "+string(fault), func(t *testing.T) {
				t.Parallel()
				w := open(t, capacity)
				w.cell(away, fault)
			})
		}
	}
}

func (w *world) cell(away []string, fault faultproxy.Fault) {
	t := w.t
	t.Helper()
	runs := w.startLoad(t.Name())
	w.pass(before)
	window := history.Fault{From: time.Now()}
	w.set(away, fault)
	if fault != faultproxy.Slow {
		w.seenDown(away)
	}
	w.pass(outage - time.Since(window.From))
	window.To = time.Now()
	w.set(away, faultproxy.None)
	w.pass(after)
	w.drained(settles) // while purchases go on
	operations := stop(runs)
	w.drained(settles)

	if invalid := history.Validity(operations, window, rate/2); invalid != "" {
		t.Fatalf("INVALID: %s", invalid)
	}
	w.expectAnswers(operations, window, away)
	w.check(operations)
	for _, service := range append(slices.Clone(w.pods), w.consumer) {
		if service.Exited() {
			t.Errorf("%s has ended", service.Name)
		}
	}
}

// startLoad sends half of the rate to each pod.
func (w *world) startLoad(name string) []*load.Load {
	var runs []*load.Load
	for i := range w.pods {
		runs = append(runs, load.Start(w.t.Context(), w.client(i), load.Options{
			Rate: rate / float64(len(w.pods)), Seed: uint64(i), Prefix: fmt.Sprintf("%s-%d", slug(name), i), EventID: eventID,
			Tiers: []string{"tier-0"}, MaxQuantity: 3, Retries: 10, MaxInFlight: 400,
			CancelShare: cancels,
		}))
	}
	return runs
}

func stop(runs []*load.Load) []history.Operation {
	var operations []history.Operation
	for _, run := range runs {
		seen, _ := run.Stop()
		operations = append(operations, seen...)
	}
	return operations
}

// slug makes a test's name fit for an e-mail address.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name[strings.LastIndex(name, "/")+1:]))
}

// pass lets the load run for a while: the passing of time is what is tested.
func (w *world) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.t.Context().Done():
	}
}

func (w *world) set(away []string, fault faultproxy.Fault) {
	for _, store := range away {
		w.proxyOf(store).Set(fault)
	}
}

func (w *world) proxyOf(store string) *faultproxy.Proxy {
	return map[string]*faultproxy.Proxy{"postgres": w.postgres, "redis": w.redis, "rabbitmq": w.rabbitmq}[store]
}

// seenDown asserts that the fault is real: a pod sees every store that is away as DOWN.
// A black hole in front of RabbitMQ shows with the heartbeat only, later than this test lasts.
func (w *world) seenDown(away []string) {
	for _, store := range away {
		if store == "rabbitmq" && w.rabbitmq.Hangs() {
			continue
		}
		w.until(outage, store+" is seen DOWN", func(ctx context.Context) string {
			answer, err := w.client(0).Health(ctx)
			if err != nil {
				return err.Error()
			}
			if answer.Body.Stores[store].State != "DOWN" {
				return answer.Raw
			}
			return ""
		})
	}
}

// expectAnswers asserts what buyers were told while stores were away. With Redis there,
// purchases and cancellations are accepted, at least 999 of 1,000. Without it they are
// refused, within 50 ms once it is known.
func (w *world) expectAnswers(operations []history.Operation, window history.Fault, away []string) {
	w.t.Helper()
	counts := map[history.Answer]int{}
	var refusals []time.Duration
	for _, op := range operations {
		if op.Invoked.Before(window.From.Add(known)) || op.Completed.After(window.To) {
			continue
		}
		counts[op.Answer]++
		if op.Answer == history.Refused {
			refusals = append(refusals, op.Completed.Sub(op.Invoked))
		}
	}
	total := counts[history.Confirmed] + counts[history.Accepted] + counts[history.Refused] + counts[history.Unknown]
	w.t.Logf("during the fault: %v", counts)
	if total == 0 {
		w.t.Fatal("INVALID: nothing was answered during the fault")
	}
	if !slices.Contains(away, "redis") {
		if good := counts[history.Confirmed] + counts[history.Accepted]; float64(good) < 0.999*float64(total) {
			w.t.Errorf("%d of %d requests were accepted, want at least 99.9 %%: %v", good, total, counts)
		}
		return
	}
	if len(refusals) > 0 {
		slices.Sort(refusals)
		if median := refusals[len(refusals)/2]; median > 50*time.Millisecond {
			w.t.Errorf("half of the refusals took longer than %s, want 50 ms", median)
		}
	}
}
