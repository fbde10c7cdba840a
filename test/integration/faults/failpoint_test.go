//go:build integration

package faults_test

import (
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/failpoint"
	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
	"github.com/eventflow-dev/eventflow/test/framework/processes"
)

// deathWithin is how long a process may take to reach its failpoint under load. The relay
// takes orders that are ten seconds old.
const deathWithin = 30 * time.Second

// TestDeathAtEachStep kills a process at each step of a purchase, of the relay and of the
// consumer, under load: it dies there and nowhere else, is started again, its clients retry
// their keys on the other pod, and the checker finds every promise kept.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	for _, name := range failpoint.Purchase {
		prepare := (*world).nothing
		if name == failpoint.AfterAccept {
			prepare = (*world).closeBooks
		}
		runDeath(t, string(name), "20", (*world).firstPod, prepare)
	}
	// What has been handed to the client library has surely left, and the answer is on its way.
	runDeath(t, string(failpoint.AfterPublish), "20=kill-later", (*world).firstPod, (*world).nothing)
	runDeath(t, string(failpoint.AfterReserve), "20=kill-later", (*world).firstPod, (*world).nothing)
	for _, name := range failpoint.Relay {
		runDeath(t, string(name), "1", (*world).firstPod, (*world).relayAlone)
	}
	for _, name := range failpoint.Consumer {
		runDeath(t, string(name), "30", func(w *world) *processes.Service { return w.consumer }, (*world).nothing)
	}
}

func (w *world) firstPod() *processes.Service { return w.pods[0] }

func (w *world) nothing() {}

// closeBooks has purchases answered 202: who hears of the commit in time need not tell
// the arbiter that the broker has the order.
func (w *world) closeBooks() { w.postgres.Set(faultproxy.Refused) }

// relayAlone leaves the first pod alone with orders that the broker did not take.
func (w *world) relayAlone() {
	w.rabbitmq.Set(faultproxy.Refused)
	w.pass(3 * time.Second)
	w.pods[1].Stop()
	w.rabbitmq.Set(faultproxy.None)
}

func runDeath(t *testing.T, name, when string, victimOf func(*world) *processes.Service, prepare func(*world)) {
	t.Helper()
	t.Run(name+" "+when, func(t *testing.T) {
		t.Parallel()
		w := open(t, capacity)
		victim := victimOf(w)
		victim.Stop()
		victim.StartArmed(name + ":" + when)
		runs := w.startLoad(t.Name())
		prepare(w)
		if !victim.AwaitExit(deathWithin) {
			t.Fatalf("INVALID: %s never reached %s", victim.Name, name)
		}
		window := history.Fault{From: time.Now()}
		if n := victim.Logged("failpoint " + name + " reached"); n != 1 {
			t.Fatalf("INVALID: %s ended, and has reached %s %d times", victim.Name, name, n)
		}
		w.pass(time.Second)
		w.postgres.Set(faultproxy.None)
		for _, service := range w.services() {
			if service.Exited() {
				service.Kill()
				service.Start()
			}
		}
		window.To = time.Now()
		w.pass(after)
		operations := w.stop(runs)
		w.drained(settles)
		w.judge(operations, window, rate/4)
	})
}
