//go:build integration

package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
	"github.com/eventflow-dev/eventflow/test/framework/load"
)

const (
	rate    = 20.0 // purchases a second, over both pods
	cancels = 0.3  // share of them that is cancelled a moment later
	before  = 2 * time.Second
	outage  = 6 * time.Second
	after   = 2 * time.Second
	settles = 60 * time.Second
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
	begin := w.use()
	runs := w.startLoad(t.Name())
	w.pass(before)
	window := history.Fault{From: time.Now()}
	w.set(away, fault)
	if fault != faultproxy.Slow {
		w.seenDown(away)
	}
	w.expectServing(away, fault)
	w.pass(outage - time.Since(window.From))
	window.To = time.Now()
	w.set(away, faultproxy.None)
	w.pass(after)
	w.drained(settles) // while purchases go on
	operations := w.stop(runs)
	w.drained(settles)
	w.judge(operations, window, rate/2)
	w.expectAnswers(operations, window, away)
	w.expectSteady(begin)
}

func (w *world) startLoad(name string) []*load.Load { return w.startLoadAt(name, rate) }

// startLoadAt sends half of the rate to each pod; who has to retry goes to the other one,
// and to its own again, in turn.
func (w *world) startLoadAt(name string, rate float64) []*load.Load {
	var runs []*load.Load
	for i := range w.pods {
		runs = append(runs, load.Start(w.t.Context(), w.client(i), load.Options{
			Rate: rate / float64(len(w.pods)), Seed: uint64(i), Prefix: fmt.Sprintf("%s-%d", slug(name), i), EventID: eventID,
			Tiers: []string{"tier-0"}, MaxQuantity: 3, Retries: 10, MaxInFlight: 400,
			CancelShare: cancels,
			Siblings:    []*boxoffice.Client{w.client(i + 1), w.client(i)},
		}))
	}
	return runs
}

// stop ends the load and returns what all its clients saw.
func (w *world) stop(runs []*load.Load) []history.Operation {
	var operations []history.Operation
	for _, run := range runs {
		seen, _ := run.Stop()
		operations = append(operations, seen...)
	}
	for _, client := range w.clients {
		client.HTTP.CloseIdleConnections() // the pods have a goroutine for each
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

// seenDown asserts that the fault is real: every pod sees every store that is away as DOWN.
// A black hole in front of RabbitMQ shows with the heartbeat only, later than this test lasts.
func (w *world) seenDown(away []string) {
	for _, store := range away {
		if store == "rabbitmq" && w.rabbitmq.Hangs() {
			continue
		}
		w.until(outage, store+" is seen DOWN", func(ctx context.Context) string {
			for _, client := range w.clients {
				answer, err := client.Health(ctx)
				if err != nil {
					return err.Error()
				}
				if answer.Body.Stores[store].State != "DOWN" {
					return answer.Raw
				}
			}
			return ""
		})
	}
}

// expectServing asserts that every pod is ready, shows what is on sale and says how old
// that is, and knows an order as long as one of the two stores that have it is there.
func (w *world) expectServing(away []string, fault faultproxy.Fault) {
	w.t.Helper()
	for i, pod := range w.pods {
		if status := w.statusOf(pod.URL + "/readyz"); status != http.StatusOK {
			w.t.Errorf("%s is not ready: %d", pod.Name, status)
		}
		begin := time.Now()
		event, err := w.client(i).Event(w.t.Context(), eventID)
		took := time.Since(begin)
		if err != nil || event.Status != http.StatusOK || took > time.Second {
			w.t.Errorf("%s shows what is on sale after %s: %d %s, %v", pod.Name, took, event.Status, event.Raw, err)
		}
		if slices.Contains(away, "postgres") && fault != faultproxy.Slow && event.Body.Source == "postgres" && !event.Body.Stale {
			w.t.Errorf("%s says that what it shows is fresh: %s", pod.Name, event.Raw)
		}
		order, err := w.client(i).Order(w.t.Context(), w.warm)
		known := !slices.Contains(away, "redis") || !slices.Contains(away, "postgres")
		if fault != faultproxy.Slow && (err != nil || (order.Status == http.StatusOK) != known) {
			w.t.Errorf("%s was asked for an order: %d %s, %v", pod.Name, order.Status, order.Raw, err)
		}
	}
}

func (w *world) statusOf(url string) int {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	w.must(err)
	response, err := http.DefaultClient.Do(request)
	w.must(err)
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

// expectAnswers asserts what buyers were told while stores were away. With Redis there,
// purchases and cancellations are accepted, at least 999 of 1,000. Without it they are refused, 19 of 20 within 50 ms once it is known.
func (w *world) expectAnswers(operations []history.Operation, window history.Fault, away []string) {
	w.t.Helper()
	if !slices.Contains(away, "redis") {
		w.expectAccepted(operations, window)
		return
	}
	refusals := latencies(within(operations, window, known), func(a history.Answer) bool { return a == history.Refused })
	w.t.Logf("refusals once it is known: %s", spread(refusals))
	if got := quantile(refusals, .95); got > 50*time.Millisecond {
		w.t.Errorf("one in 20 refusals took longer than %s, want 50 ms", got)
	}
}
