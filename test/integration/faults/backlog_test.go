//go:build integration && backlog

package faults_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
	"github.com/eventflow-dev/eventflow/test/framework/cluster"
	"github.com/eventflow-dev/eventflow/test/framework/faultproxy"
)

// What "make backlog" sets.
var backlogOrders = flag.Int64("backlog.orders", 1_000_000, "how many orders wait for PostgreSQL before it comes back")

const (
	backlogBuyers = 128
	// backlogMemory is by how much a process may grow from a hundredth of the backlog to the whole.
	backlogMemory = 32 << 20
	backlogDrains = 30 * time.Minute
)

// TestBacklog lets orders pile up while PostgreSQL is away, as fast as they are accepted,
// and then drain. No process may grow with the backlog. It takes long, so that it is run by
// "make backlog" only; docs/guarantees.md has its figures.
func TestBacklog(t *testing.T) {
	t.Setenv("EVENTFLOW_LOG_LEVEL", "warn") // a line for each of a million orders would be kept here
	w := open(t, int(*backlogOrders)+1000)
	w.postgres.Set(faultproxy.Refused)
	w.seenDown([]string{"postgres"})

	began := time.Now()
	w.accept(*backlogOrders / 100)
	early := w.use()
	peak := w.accept(*backlogOrders)
	took := time.Since(began)
	t.Logf("%d orders were accepted in %s, %.0f a second, by %d buyers at a time",
		*backlogOrders, took.Round(time.Second), float64(*backlogOrders)/took.Seconds(), backlogBuyers)

	w.postgres.Set(faultproxy.None)
	back := time.Now()
	peak = most(peak, w.drain())
	took = time.Since(back)
	t.Logf("they were in the ledger after %s, %.0f a second", took.Round(time.Second), float64(*backlogOrders)/took.Seconds())
	for _, service := range w.services() {
		name := service.Name
		t.Logf("%s: %.1f MiB with a hundredth of the backlog, %.1f MiB at most", name, early[name].memory/(1<<20), peak[name].memory/(1<<20))
		if grown := peak[name].memory - early[name].memory; grown > backlogMemory {
			t.Errorf("%s grew by %.0f MiB, want at most %d", name, grown/(1<<20), backlogMemory>>20)
		}
	}
}

// accepted counts the buyers so far, over all calls of accept.
var accepted atomic.Int64

// accept buys until as many orders have been accepted in all, and returns the most that
// each process used meanwhile.
func (w *world) accept(total int64) map[string]usage {
	w.t.Helper()
	var buyers sync.WaitGroup
	ended := make(chan struct{})
	for range backlogBuyers {
		buyers.Go(func() {
			for n := accepted.Add(1); n <= total; n = accepted.Add(1) {
				w.acceptOne(n)
			}
			accepted.Add(-1) // the number that was one too high
		})
	}
	go func() {
		buyers.Wait()
		close(ended)
	}()
	return w.watch(ended)
}

// acceptOne buys until the purchase is accepted, a bounded number of times.
func (w *world) acceptOne(n int64) {
	purchase := boxoffice.Purchase{EventID: eventID, Tier: "tier-0", Quantity: 1, Email: fmt.Sprintf("backlog-%d@example.com", n), Key: strconv.FormatInt(n, 10)}
	for try := range 10 {
		answer, err := w.client(int(n)+try).Buy(w.t.Context(), purchase)
		if err == nil && answer.Status == http.StatusAccepted {
			return
		}
		w.pass(200 * time.Millisecond)
	}
	w.t.Errorf("purchase %d was not accepted", n)
}

// drain waits until everything accepted is in the ledger.
func (w *world) drain() map[string]usage {
	w.t.Helper()
	ended := make(chan struct{})
	client := w.redisClient()
	go func() {
		defer close(ended)
		err := cluster.Until(w.t.Context(), backlogDrains, func(ctx context.Context) string {
			orders, err := client.HGet(ctx, "{ef}:pending", eventID+"/tier-0:orders").Result()
			if err != nil || orders != "0" {
				return fmt.Sprintf("%s orders are pending, %v", orders, err)
			}
			return ""
		})
		if err != nil {
			w.t.Errorf("everything accepted is in the ledger: %v", err)
		}
	}()
	return w.watch(ended)
}

// watch returns the most that each process uses until ended is closed.
func (w *world) watch(ended <-chan struct{}) map[string]usage {
	w.t.Helper()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	peak := map[string]usage{}
	for {
		for _, service := range w.services() {
			ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
			u, err := usageOf(ctx, service)
			cancel()
			if err == nil {
				peak = most(peak, map[string]usage{service.Name: u})
			}
		}
		select {
		case <-ended:
			return peak
		case <-ticker.C:
		case <-w.t.Context().Done():
			return peak
		}
	}
}

// most returns the greater memory of each process in either.
func most(a, b map[string]usage) map[string]usage {
	all := maps.Clone(a)
	for name, u := range b {
		if u.memory > all[name].memory {
			all[name] = u
		}
	}
	return all
}
