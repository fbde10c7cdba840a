//go:build integration

package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/history"
)

// blockedP99 bounds the slowest hundredth of purchases while publishers are blocked.
const blockedP99 = 500 * time.Millisecond

// frozenFor is longer than a commit may take.
const frozenFor = 6 * time.Second

// TestStoreServers kills each store's server as a crash does, restarts it in its own orderly
// way, and freezes it so that it takes connections and never answers, one after the other, under load.
func TestStoreServers(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"postgres", "redis", "rabbitmq"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			servers := own(t, store)
			server := servers.container(store)
			w := openOn(t, servers, capacity)
			begin := w.use()
			runs := w.startLoad(t.Name())
			var windows []history.Fault
			for _, fault := range []func(context.Context) error{
				func(ctx context.Context) error { return server.Kill(ctx) },
				func(ctx context.Context) error { return server.Stop(ctx) },
				func(ctx context.Context) error { return server.Pause(ctx) },
			} {
				w.pass(before)
				window := history.Fault{From: time.Now()}
				w.must(fault(t.Context()))
				w.pass(before)
				if len(windows) < 2 {
					w.must(server.Start(t.Context()))
				} else {
					w.pass(frozenFor - before)
					w.must(server.Unpause(t.Context()))
				}
				window.To = time.Now()
				windows = append(windows, window)
				w.drained(settles) // while purchases go on
			}
			operations := w.stop(runs)
			w.drained(settles)
			for _, window := range windows {
				w.expectValid(operations, window, rate/3)
			}
			w.check(operations)
			w.expectSteady(begin)
		})
	}
}

// TestBrokerAlarm makes the broker short of memory, so that it blocks publishers and goes
// on delivering: purchases are accepted into the outbox without waiting for it, and are published
// once the alarm is over.
func TestBrokerAlarm(t *testing.T) {
	t.Parallel()
	servers := own(t, "rabbitmq")
	w := openOn(t, servers, capacity)
	begin := w.use()
	runs := w.startLoad(t.Name())
	w.pass(before)
	window := history.Fault{From: time.Now()}
	end, err := servers.rabbitmq.Alarm(t.Context())
	w.must(err)
	defer func() { w.must(end(context.WithoutCancel(t.Context()))) }()
	w.seenDown([]string{"rabbitmq"})
	blocked := time.Since(window.From)
	w.pass(outage)
	window.To = time.Now()
	w.must(end(t.Context()))
	w.drained(settles) // while purchases go on
	operations := w.stop(runs)
	w.drained(settles)
	w.judge(operations, window, rate/3)
	w.expectAccepted(operations, window)
	accepted := latencies(within(operations, window, blocked), history.Answer.Acknowledged)
	t.Logf("while publishers are blocked: %s", spread(accepted))
	if got := quantile(accepted, .99); got > blockedP99 {
		t.Errorf("p99 is %s while publishers are blocked, want at most %s", got, blockedP99)
	}
	w.expectSteady(begin)
}
