package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkPurchase is what the edge itself costs a purchase, receipt included.
func BenchmarkPurchase(b *testing.B) {
	f := benchmarkFixture(b)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, newPurchase(b))
		if w.Code != http.StatusCreated {
			b.Fatal(w.Code)
		}
	}
}

// BenchmarkEvents is what a read costs.
func BenchmarkEvents(b *testing.B) {
	f := benchmarkFixture(b)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/events", http.NoBody))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

// BenchmarkShed is what a purchase costs that is refused because the pod is full.
func BenchmarkShed(b *testing.B) {
	entered, release := make(chan struct{}), make(chan struct{})
	f := setup(b, func(f *fixture) {
		f.deps.Clock, f.deps.Logger = time.Now, slog.New(slog.DiscardHandler)
		f.shop.entered, f.shop.release = entered, release
	})
	var held sync.WaitGroup
	for range f.deps.MaxInFlight {
		held.Go(func() { f.handler.ServeHTTP(httptest.NewRecorder(), newPurchase(b)) })
		<-entered
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w := httptest.NewRecorder()
			f.handler.ServeHTTP(w, newPurchase(b))
			if w.Code != http.StatusServiceUnavailable {
				b.Error(w.Code)
			}
		}
	})
	close(release)
	held.Wait()
}

func newPurchase(b *testing.B) *http.Request {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/purchase", strings.NewReader(good))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func benchmarkFixture(b *testing.B) http.Handler {
	b.Helper()
	return setup(b, func(f *fixture) {
		f.deps.Clock = time.Now
		f.deps.Logger = slog.New(slog.DiscardHandler)
	}).handler
}
