//go:build integration

package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/processes"
)

// The bounds of what a fault may leave behind in a process: goroutines that a fault
// started end again, and memory may grow by what queues held and the race detector keeps.
const (
	moreGoroutines = 15
	moreMemory     = 64 << 20
	comesToRest    = 20 * time.Second
)

// usage is what a process uses.
type usage struct{ goroutines, memory float64 }

func (u usage) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f MiB", u.goroutines, u.memory/(1<<20))
}

// usageOf reads a process' own metrics.
func usageOf(ctx context.Context, service *processes.Service) (usage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, service.MetricsURL, nil)
	if err != nil {
		return usage{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return usage{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var u usage
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		number, _ := strconv.ParseFloat(value, 64)
		switch name {
		case "go_goroutines":
			u.goroutines = number
		case "process_resident_memory_bytes":
			u.memory = number
		}
	}
	if u.goroutines == 0 || u.memory == 0 {
		return u, fmt.Errorf("%s has no such metrics: %s, %w", service.Name, u, lines.Err())
	}
	return u, lines.Err()
}

// services are all processes of the world.
func (w *world) services() []*processes.Service { return append(slices.Clone(w.pods), w.consumer) }

// use notes what each process uses now.
func (w *world) use() map[string]usage {
	w.t.Helper()
	all := map[string]usage{}
	for _, service := range w.services() {
		u, err := usageOf(w.t.Context(), service)
		if err != nil {
			w.t.Fatal(err)
		}
		all[service.Name] = u
	}
	return all
}

// expectSteady asserts that no process has ended, and that each comes to use about as
// much as before.
func (w *world) expectSteady(begin map[string]usage) {
	w.t.Helper()
	for _, service := range w.services() {
		if service.Exited() {
			w.t.Errorf("%s has ended", service.Name)
			continue
		}
		was := begin[service.Name]
		w.until(comesToRest, service.Name+" uses as much as before", func(ctx context.Context) string {
			now, err := usageOf(ctx, service)
			switch {
			case err != nil:
				return err.Error()
			case now.goroutines > was.goroutines+moreGoroutines || now.memory > was.memory+moreMemory:
				return fmt.Sprintf("%s now, %s before", now, was)
			}
			w.t.Logf("%s: %s, %s before", service.Name, now, was)
			return ""
		})
	}
}

// within returns the operations that were invoked in the window, once the pods had the
// time to notice, and answered in it.
func within(operations []history.Operation, window history.Fault, notice time.Duration) []history.Operation {
	return slices.DeleteFunc(slices.Clone(operations), func(op history.Operation) bool {
		return op.Invoked.Before(window.From.Add(notice)) || op.Completed.After(window.To)
	})
}

// latencies are from the moment at which the operation was to begin to its answer, in
// ascending order, of operations for which keep holds.
func latencies(operations []history.Operation, keep func(history.Answer) bool) []time.Duration {
	var all []time.Duration
	for _, op := range operations {
		if keep(op.Answer) {
			all = append(all, op.Completed.Sub(op.Invoked))
		}
	}
	slices.Sort(all)
	return all
}

// quantile returns the value below which the share q of the sorted durations lies.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// spread renders durations for people.
func spread(sorted []time.Duration) string {
	return fmt.Sprintf("p50 %s, p99 %s, longest %s of %d", quantile(sorted, .5).Round(time.Millisecond/10),
		quantile(sorted, .99).Round(time.Millisecond/10), quantile(sorted, 1).Round(time.Millisecond), len(sorted))
}

// expectAccepted asserts that at least 999 of 1,000 purchases of the window were accepted.
func (w *world) expectAccepted(operations []history.Operation, window history.Fault) {
	w.t.Helper()
	counts := map[history.Answer]int{}
	total := 0
	var others []string
	for _, op := range within(operations, window, 0) {
		counts[op.Answer]++
		total++
		if !op.Answer.Acknowledged() {
			others = append(others, fmt.Sprintf("%s %s: %s", op.Action, op.OrderID, op.Code))
		}
	}
	w.t.Logf("during the fault: %v", counts)
	if good := counts[history.Confirmed] + counts[history.Accepted]; total == 0 || float64(good) < 0.999*float64(total) {
		w.t.Errorf("%d of %d purchases were accepted, want at least 99.9 %%: %v, %q", good, total, counts, others)
	}
}

// expectValid ends the test where the run proves nothing.
func (w *world) expectValid(operations []history.Operation, window history.Fault, minPerSecond float64) {
	w.t.Helper()
	if invalid := history.Validity(operations, window, minPerSecond); invalid != "" {
		w.t.Fatalf("INVALID: %s", invalid)
	}
}

// judge lets the checker speak where the run proves something.
func (w *world) judge(operations []history.Operation, window history.Fault, minPerSecond float64) {
	w.t.Helper()
	w.expectValid(operations, window, minPerSecond)
	w.check(operations)
}
