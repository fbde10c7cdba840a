//go:build integration

package faults_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
	"github.com/eventflow-dev/eventflow/test/framework/load"
)

// crashes is more than RabbitMQ's default limit of 20 deliveries, after which it would
// drop a message.
const crashes = 22

// TestConsumerCrashes kills the consumer again and again under load: what it held goes
// back to the queue each time, and nothing is lost or written twice.
func TestConsumerCrashes(t *testing.T) {
	t.Parallel()
	w := open(t, capacity)
	runs := w.startLoad(t.Name())
	for range crashes {
		w.pass(150 * time.Millisecond)
		w.consumer.Kill()
		w.consumer.Start()
	}
	w.drained(settles)
	w.check(w.stop(runs))
}

// TestProcessesUnderLoad kills, freezes and restarts each process while purchases go on.
func TestProcessesUnderLoad(t *testing.T) {
	t.Parallel()
	cases := map[string]func(w *world){
		"purchase pod killed":    func(w *world) { w.pods[0].Kill(); w.pass(after); w.pods[0].Start() },
		"purchase pod restarted": func(w *world) { w.pods[0].Stop(); w.pass(after); w.pods[0].Start() },
		"purchase pod frozen":    func(w *world) { w.pods[0].Freeze(); w.pass(5 * time.Second); w.pods[0].Thaw() },
		// A rollout, one pod after the other, that no database is there for.
		"rollout without PostgreSQL": func(w *world) {
			w.postgres.Set(faultproxy.BlackHole)
			for _, pod := range w.pods {
				pod.Stop()
				pod.Start()
			}
			w.pass(after)
			w.postgres.Set(faultproxy.None)
		},
		"consumer restarted": func(w *world) { w.consumer.Stop(); w.pass(after); w.consumer.Start() },
		"consumer frozen":    func(w *world) { w.consumer.Freeze(); w.pass(8 * time.Second); w.consumer.Thaw() },
	}
	for name, fault := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, capacity)
			runs := w.startLoad(t.Name())
			w.pass(before)
			window := history.Fault{From: time.Now()}
			fault(w)
			window.To = time.Now()
			w.pass(after)
			operations := w.stop(runs)
			w.drained(settles)
			w.judge(operations, window, rate/3)
		})
	}
}

// TestHotTier sends many buyers after few seats at once: exactly the seats are sold, and
// everybody else is told so.
func TestHotTier(t *testing.T) {
	t.Parallel()
	const buyers, seats, atOnce = 5000, 100, 64
	w := open(t, seats)
	clients := []*boxoffice.Client{w.client(0), w.client(1)}
	var next, soldOut, others atomic.Int64
	var mu sync.Mutex
	var operations []history.Operation
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for n := next.Add(1); n <= buyers; n = next.Add(1) {
				email := fmt.Sprintf("hot-%d@example.com", n)
				begin := time.Now()
				purchase := boxoffice.Purchase{EventID: eventID, Tier: "tier-0", Quantity: 1, Email: email, Key: email}
				answer, err := clients[n%2].Buy(t.Context(), purchase)
				for try := 0; try < 5 && answer.Status == http.StatusServiceUnavailable; try++ { // as the answer asks
					w.pass(time.Second)
					answer, err = clients[n%2].Buy(t.Context(), purchase)
				}
				operation := history.Operation{
					Buyer: email, EventID: eventID, TierID: "tier-0", Quantity: 1, Invoked: begin, Completed: time.Now(),
					OrderID: answer.Body.OrderID, Answer: history.Unknown, Code: answer.Body.Code,
				}
				if err == nil {
					operation.Answer = load.Conclude(answer.Status, answer.Body)
				}
				switch {
				case answer.Status == http.StatusConflict && answer.Body.Code == "SOLD_OUT":
					soldOut.Add(1)
				case !operation.Answer.Acknowledged():
					others.Add(1)
					t.Logf("%s was answered %d %s, %v", email, answer.Status, answer.Raw, err)
				}
				mu.Lock()
				operations = append(operations, operation)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	w.drained(settles)
	report := w.check(operations)
	t.Logf("%d sold out, %d otherwise", soldOut.Load(), others.Load())
	if report.Acknowledged != seats || others.Load() != 0 || soldOut.Load() != buyers-seats {
		t.Errorf("%d acknowledged, %d told SOLD_OUT, %d otherwise; want %d, %d, 0", report.Acknowledged, soldOut.Load(), others.Load(), seats, buyers-seats)
	}
}
