package httpserver

import (
	"io"
	"net/http"
	"sync/atomic"
)

// Health answers the probes of one process. It knows only the process itself: with a
// store in it, one dead store would take every replica out of the load balancer at once.
// The zero value is alive and not ready.
type Health struct{ state atomic.Int32 }

const (
	starting int32 = iota
	ready
	draining
)

// SetReady makes the readiness probe succeed: the process can take requests. A process
// that is draining does not become ready again.
func (h *Health) SetReady() { h.state.CompareAndSwap(starting, ready) }

// SetDraining makes the readiness probe fail: the process is about to end.
func (h *Health) SetDraining() { h.state.Store(draining) }

// IsReady reports what the readiness probe would say.
func (h *Health) IsReady() bool { return h.state.Load() == ready }

// Live answers the liveness probe: whoever answers is alive.
func (h *Health) Live(w http.ResponseWriter, _ *http.Request) { probe(w, http.StatusOK, "ok\n") }

// Ready answers the readiness probe.
func (h *Health) Ready(w http.ResponseWriter, _ *http.Request) {
	if h.IsReady() {
		probe(w, http.StatusOK, "ok\n")
		return
	}
	probe(w, http.StatusServiceUnavailable, "not ready\n")
}

// Handler serves /livez and /readyz and nothing else.
func (h *Health) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", h.Live)
	mux.HandleFunc("GET /readyz", h.Ready)
	return mux
}

func probe(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A probe that has gone away before its answer needs none.
	_, _ = io.WriteString(w, body)
}
