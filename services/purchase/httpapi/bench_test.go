package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// BenchmarkPurchase is what the edge itself costs a purchase, receipt included.
func BenchmarkPurchase(b *testing.B) {
	f := benchmarkFixture(b)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/purchase", strings.NewReader(good))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
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

func benchmarkFixture(b *testing.B) http.Handler {
	b.Helper()
	return setup(b, func(f *fixture) {
		f.deps.Clock = time.Now
		f.deps.Logger = slog.New(slog.DiscardHandler)
	}).handler
}
