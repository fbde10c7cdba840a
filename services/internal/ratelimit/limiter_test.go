package ratelimit

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func address(n int) netip.Addr {
	var bytes [4]byte
	binary.BigEndian.PutUint32(bytes[:], uint32(n))
	return netip.AddrFrom4(bytes)
}

func TestTakeFollowsTheRate(t *testing.T) {
	t.Parallel()
	l := New(Rate{PerSecond: 10, Burst: 3})
	take := func(after time.Duration, want time.Duration) {
		t.Helper()
		if got := l.Take(address(1), noon.Add(after)); got != want {
			t.Errorf("after %s: wait %s, want %s", after, got, want)
		}
	}
	for range 3 {
		take(0, 0) // the burst
	}
	// A refusal costs nothing: whoever goes on asking is not refused for longer.
	for range 100 {
		take(0, 100*time.Millisecond)
	}
	take(40*time.Millisecond, 60*time.Millisecond)
	take(100*time.Millisecond, 0)
	take(100*time.Millisecond, 100*time.Millisecond)
	if got := l.Take(address(2), noon.Add(100*time.Millisecond)); got != 0 {
		t.Errorf("another client waits %s", got)
	}
	for range 3 {
		take(time.Hour, 0) // full again, and not fuller
	}
	take(time.Hour, 100*time.Millisecond)
}

func TestNoRateMeansNoLimit(t *testing.T) {
	t.Parallel()
	l := New(Rate{})
	for n := range 10_000 {
		if wait := l.Take(address(n), noon); wait != 0 {
			t.Fatalf("wait %s", wait)
		}
	}
	if len(l.clients) > 0 {
		t.Errorf("%d clients are remembered for nothing", len(l.clients))
	}
}

func TestIdleClientsAreForgotten(t *testing.T) {
	t.Parallel()
	l := New(Rate{PerSecond: 50, Burst: 100}) // full after 2 s
	for n := range 1000 {
		l.Take(address(n), noon)
	}
	l.Take(address(5), noon.Add(1900*time.Millisecond))
	for n := range 600 {
		l.Take(address(10_000+n), noon.Add(2*time.Second))
	}
	if got := len(l.clients); got != 601 {
		t.Errorf("%d clients are known, want the 600 new ones and the one that came back", got)
	}
	if _, known := l.clients[address(5)]; !known || l.recent.Len() != len(l.clients) {
		t.Errorf("the client that came back is known: %t; %d in the list", known, l.recent.Len())
	}
}

func TestTheClientIdleLongestIsForgottenWhereThereAreTooMany(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rate{PerSecond: 1, Burst: 1}, 2)
	l.Take(address(1), noon)
	l.Take(address(2), noon)
	l.Take(address(1), noon)
	l.Take(address(3), noon)
	if wait := l.Take(address(1), noon); wait == 0 {
		t.Error("the client that had asked again was forgotten")
	}
	if wait := l.Take(address(2), noon); wait != 0 || len(l.clients) != 2 {
		t.Errorf("wait %s with %d clients", wait, len(l.clients))
	}
}

// TestMemoryIsBounded sends far more clients than a limiter may know.
//
//nolint:paralleltest // it measures the heap
func TestMemoryIsBounded(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	l := New(Rate{PerSecond: 50, Burst: 100})
	for n := range 5 * MaxClients {
		l.Take(address(n), noon)
		if len(l.clients) > MaxClients {
			t.Fatalf("%d clients are known", len(l.clients))
		}
	}
	grown := int64(heap()) - int64(before)
	if len(l.clients) != MaxClients || grown > 8<<20 {
		t.Errorf("%d clients take %d bytes, want at most 8 MiB", len(l.clients), grown)
	}
	t.Logf("%d bytes for each of %d clients", grown/MaxClients, MaxClients)
}

func TestManyAtOnceShareOneBucket(t *testing.T) {
	t.Parallel()
	l := New(Rate{PerSecond: 1, Burst: 100})
	var taken atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				if l.Take(address(1), noon) == 0 {
					taken.Add(1)
				}
			}
		})
	}
	group.Wait()
	if got := taken.Load(); got != 100 {
		t.Errorf("%d of 800 were let through, want the burst of 100", got)
	}
}

func BenchmarkTake(b *testing.B) {
	l := New(Rate{PerSecond: 50, Burst: 100})
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		l.Take(address(n%(2*MaxClients)), noon.Add(time.Duration(n)*time.Microsecond))
	}
}
