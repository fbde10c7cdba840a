//go:build integration

package faults_test

import (
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
)

const (
	// cuts is how often the connections to a store are cut, each cut for cutFor.
	cuts     = 12
	cutFor   = 100 * time.Millisecond
	cutEvery = 400 * time.Millisecond
)

// TestAnswersLost cuts every connection to a store in the middle of an answer, again and
// again, under load: the request has arrived, what it did is not known. It is a reservation's
// answer, a broker's confirm, or a transaction's COMMIT; at which byte differs from cut to cut.
func TestAnswersLost(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		store string
		// step is by how many bytes each cut comes later in the answers than the one before.
		step int
		// evidence is logged by a pod, or the consumer, whose connections were cut.
		evidence string
	}{
		{"redis", 7, "Lost subscription to announcements"},
		{"rabbitmq", 5, "Lost publisher's connection to the broker"},
		{"postgres", 97, "Paused consumption"},
	} {
		ways := map[string]func(w *world, n int){
			"cut":   func(w *world, n int) { w.proxyOf(tc.store).CutAnswersAfter(1 + n*tc.step) },
			"reset": func(w *world, _ int) { w.proxyOf(tc.store).Set(faultproxy.Reset) },
		}
		for way, fault := range ways {
			t.Run(tc.store+" "+way, func(t *testing.T) {
				t.Parallel()
				w := open(t, capacity)
				runs := w.startLoad(t.Name())
				w.pass(before)
				window := history.Fault{From: time.Now()}
				for n := range cuts {
					fault(w, n)
					w.pass(cutFor)
					w.proxyOf(tc.store).Set(faultproxy.None)
					w.pass(cutEvery - cutFor)
				}
				window.To = time.Now()
				w.pass(after)
				operations := w.stop(runs)
				w.drained(settles)
				if seen := w.pods[0].Logged(tc.evidence) + w.pods[1].Logged(tc.evidence) + w.consumer.Logged(tc.evidence); seen == 0 {
					t.Fatalf("INVALID: nobody has noticed that connections were cut (%q)", tc.evidence)
				}
				w.judge(operations, window, rate/2)
				if tc.store != "redis" {
					w.expectAccepted(operations, window)
				}
			})
		}
	}
}
