//go:build integration

package faults_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
)

const (
	// busy is the rate of the runs whose latency is compared, in purchases a second.
	busy = 60.0
	// compared is how long each of the compared windows is.
	compared = 10 * time.Second
	// returned is within how long of the return everything accepted is in the ledger.
	returned = 60 * time.Second
	// long is several times the broker's consumer timeout, which the tests' broker has set to
	// ten seconds: it stands for an outage of some hours against the usual 30 minutes.
	long = 35 * time.Second
)

// TestPostgresAway compares, in one run, purchases with PostgreSQL and without: as many are
// accepted, about as fast, and after its return each is confirmed while load goes on. It
// runs alone, because it measures.
func TestPostgresAway(t *testing.T) {
	for _, fault := range []faultproxy.Fault{faultproxy.Refused, faultproxy.BlackHole} {
		t.Run(string(fault), func(t *testing.T) {
			w := open(t, capacity)
			begin := w.use()
			runs := w.startLoadAt(t.Name(), busy)
			w.pass(before) // connections are made, code is loaded
			healthy := history.Fault{From: time.Now()}
			w.pass(compared)
			healthy.To = time.Now()
			window := history.Fault{From: time.Now()}
			w.postgres.Set(fault)
			w.seenDown([]string{"postgres"})
			w.pass(compared + known - time.Since(window.From))
			window.To = time.Now()
			w.postgres.Set(faultproxy.None)
			w.drained(returned)
			t.Logf("drained after %s, load going on", time.Since(window.To).Round(100*time.Millisecond))
			operations := w.stop(runs)
			w.drained(returned)
			w.judge(operations, window, busy/2)
			w.expectAccepted(operations, window)
			w.expectAsFast(operations, healthy, window)
			w.expectSteady(begin)
		})
	}
}

// TestRedisAway refuses purchases while Redis is away, 99 of 100 within 50 ms once that is
// known. It runs alone, because it measures.
func TestRedisAway(t *testing.T) {
	for _, fault := range []faultproxy.Fault{faultproxy.Refused, faultproxy.BlackHole} {
		t.Run(string(fault), func(t *testing.T) {
			w := open(t, capacity)
			runs := w.startLoadAt(t.Name(), busy)
			w.pass(before)
			window := history.Fault{From: time.Now()}
			w.redis.Set(fault)
			w.seenDown([]string{"redis"})
			w.pass(compared + known - time.Since(window.From))
			window.To = time.Now()
			w.redis.Set(faultproxy.None)
			w.pass(after)
			operations := w.stop(runs)
			w.drained(returned)
			w.judge(operations, window, busy/2)
			refusals := latencies(within(operations, window, known), func(a history.Answer) bool { return a == history.Refused })
			t.Logf("refusals once it is known: %s", spread(refusals))
			if got := quantile(refusals, .99); len(refusals) < 100 || got > 50*time.Millisecond {
				t.Errorf("p99 of %d refusals is %s, want at most 50 ms", len(refusals), got)
			}
		})
	}
}

// expectAsFast asserts that the slowest hundredth of purchases is at most 1.2 times as
// slow as it is with everything there, and 20 ms, once the pause has been announced. Until then
// a purchase waits in vain, for at most 300 ms.
func (w *world) expectAsFast(operations []history.Operation, healthy, window history.Fault) {
	w.t.Helper()
	with := latencies(within(operations, healthy, 0), history.Answer.Acknowledged)
	whole := latencies(within(operations, window, 0), history.Answer.Acknowledged)
	without := latencies(within(operations, window, known), history.Answer.Acknowledged)
	w.t.Logf("with PostgreSQL: %s; without it, from the first moment: %s; once known: %s", spread(with), spread(whole), spread(without))
	if bound, got := quantile(with, .99)*12/10+20*time.Millisecond, quantile(without, .99); got > bound {
		w.t.Errorf("without PostgreSQL p99 is %s, want at most %s", got, bound)
	}
	if got := quantile(whole, 1); got > 2*time.Second {
		w.t.Errorf("a purchase took %s, want at most 2 s", got)
	}
}

// TestLongOutage keeps PostgreSQL away for longer than the broker lets a consumer hold
// deliveries: nothing is dead-lettered, dropped or lost.
func TestLongOutage(t *testing.T) {
	t.Parallel()
	w := open(t, capacity)
	runs := w.startLoad(t.Name())
	w.pass(before)
	window := history.Fault{From: time.Now()}
	w.postgres.Set(faultproxy.BlackHole)
	w.seenDown([]string{"postgres"})
	w.pass(long - time.Since(window.From))
	window.To = time.Now()
	w.postgres.Set(faultproxy.None)
	w.drained(returned)
	operations := w.stop(runs)
	w.drained(returned)
	w.judge(operations, window, rate/2)
	w.expectAccepted(operations, window)
}

// TestPostgresReadOnly has PostgreSQL come back as a replica that takes no writes, which a
// ping alone would not show: the consumer goes on pausing until it does.
func TestPostgresReadOnly(t *testing.T) {
	t.Parallel()
	w := open(t, capacity)
	conn, err := pgx.Connect(t.Context(), w.direct.Postgres)
	w.must(err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	do := func(statement string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), statement)
		w.must(err)
	}
	database := conn.Config().Database
	runs := w.startLoad(t.Name())
	w.pass(before)
	window := history.Fault{From: time.Now()}
	paused := w.consumer.Logged("Paused consumption")
	do("ALTER DATABASE " + database + " SET default_transaction_read_only = on")
	do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	w.until(outage, "the consumer pauses", func(context.Context) string {
		if w.consumer.Logged("Paused consumption") == paused {
			return "it goes on"
		}
		return ""
	})
	w.pass(outage - time.Since(window.From))
	window.To = time.Now()
	do("ALTER DATABASE " + database + " RESET default_transaction_read_only")
	w.drained(returned)
	operations := w.stop(runs)
	w.drained(returned)
	w.judge(operations, window, rate/2)
	w.expectAccepted(operations, window)
}

// TestConsumerTimeout freezes the consumer for longer than the broker lets it hold
// deliveries: the broker takes them back, and the consumer, thawed, begins anew.
func TestConsumerTimeout(t *testing.T) {
	t.Parallel()
	w := open(t, capacity)
	runs := w.startLoad(t.Name())
	w.pass(before)
	window := history.Fault{From: time.Now()}
	lost := w.consumer.Logged("Lost the queue session")
	w.consumer.Freeze()
	w.pass(long / 2)
	w.consumer.Thaw()
	window.To = time.Now()
	w.until(settles, "the consumer notices that its session is over", func(context.Context) string {
		if w.consumer.Logged("Lost the queue session") == lost {
			return "it goes on with the old one"
		}
		return ""
	})
	w.pass(after)
	operations := w.stop(runs)
	w.drained(settles)
	w.judge(operations, window, rate/2)
}
