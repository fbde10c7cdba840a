package httpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logLines hands each log line to a reader.
type logLines struct {
	mu    sync.Mutex
	lines chan string
}

func newLogLines() *logLines { return &logLines{lines: make(chan string, 64)} }

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines <- string(bytes.Clone(p))
	return len(p), nil
}

// address waits for the line that says where the server listens.
func (l *logLines) address(t *testing.T) string {
	t.Helper()
	for line := range l.lines {
		var entry struct{ Msg, Address string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Msg == "Started server" {
			return entry.Address
		}
	}
	return ""
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(body)
}

func TestServerFinishesRequestsInFlight(t *testing.T) {
	t.Parallel()
	var health httpserver.Health
	health.SetReady()
	entered, release := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("/", health.Handler())
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "done")
	})
	logs := newLogLines()
	server := httpserver.New(httpserver.Options{
		Name: "api", Address: "127.0.0.1:0", Handler: mux, Health: &health,
		Logger: slog.New(slog.NewJSONHandler(logs, nil)),
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	base := "http://" + logs.address(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()

	if status, _ := get(t, client, base+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz = %d before the stop", status)
	}
	answered := make(chan string, 1)
	go func() {
		_, body := get(t, client, base+"/slow")
		answered <- body
	}()
	<-entered
	stop()
	for health.IsReady() {
		select {
		case err := <-ended:
			t.Fatalf("Run ended (%v) with a request in flight", err)
		case <-time.After(time.Millisecond):
		}
	}
	close(release)
	if body := <-answered; body != "done" {
		t.Errorf("the request in flight got %q", body)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestServerReportsAnAddressInUse(t *testing.T) {
	t.Parallel()
	first := httptest.NewServer(http.NotFoundHandler())
	defer first.Close()
	server := httpserver.New(httpserver.Options{
		Name: "api", Address: strings.TrimPrefix(first.URL, "http://"), Handler: http.NotFoundHandler(),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err := server.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "api") {
		t.Errorf("Run = %v, want an error that names the server", err)
	}
}

func TestServerCutsOffAfterItsDrainTimeout(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	logs := newLogLines()
	server := httpserver.New(httpserver.Options{
		Name: "api", Address: "127.0.0.1:0", DrainTimeout: 10 * time.Millisecond, ShutdownDelay: time.Millisecond,
		Logger: slog.New(slog.NewJSONHandler(logs, nil)),
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(entered)
			<-release
		}),
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	address := logs.address(t)
	requestCtx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	request, err := http.NewRequestWithContext(requestCtx, http.MethodGet, "http://"+address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if response, err := (&http.Transport{}).RoundTrip(request); err == nil {
			response.Body.Close()
			t.Error("the stuck request was answered")
		}
	}()
	<-entered
	stop()
	if err := <-ended; err == nil || server.Grace() <= 0 {
		t.Error("Run hides that requests were cut off")
	}
	<-gone
}

func TestProbes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		prepare      func(*httpserver.Health)
		live, ready  int
		otherPath    int
		wantBodyLive string
	}{
		"starting": {func(*httpserver.Health) {}, 200, 503, 404, "ok\n"},
		"ready":    {func(h *httpserver.Health) { h.SetReady() }, 200, 200, 404, "ok\n"},
		"draining": {func(h *httpserver.Health) { h.SetReady(); h.SetDraining(); h.SetReady() }, 200, 503, 404, "ok\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var health httpserver.Health
			tc.prepare(&health)
			ask := func(path string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				health.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
				return w
			}
			live := ask("/livez")
			got := []int{live.Code, ask("/readyz").Code, ask("/metrics").Code}
			if diff := cmp.Diff([]int{tc.live, tc.ready, tc.otherPath}, got); diff != "" {
				t.Errorf("livez, readyz, other (-want +got):\n%s", diff)
			}
			if live.Body.String() != tc.wantBodyLive {
				t.Errorf("/livez says %q", live.Body)
			}
		})
	}
}

func TestWriteProblem(t *testing.T) {
	t.Parallel()
	problem := httpserver.NewProblem(http.StatusServiceUnavailable, "OUTCOME_UNKNOWN", "Outcome unknown", "ask again")
	problem.RetryAfter = 1200 * time.Millisecond
	problem.OrderID = "o-1"
	w := httptest.NewRecorder()
	httpserver.WriteProblem(w, problem)
	want := `{"type":"urn:eventflow:problem:outcome-unknown","title":"Outcome unknown","status":503,` +
		`"detail":"ask again","code":"OUTCOME_UNKNOWN","order_id":"o-1","retry_after_ms":1200}` + "\n"
	if w.Code != 503 || w.Body.String() != want {
		t.Errorf("answer %d %s, want 503 %s", w.Code, w.Body, want)
	}
	header := map[string]string{}
	for _, key := range []string{"Content-Type", "Retry-After", "Cache-Control"} {
		header[key] = w.Header().Get(key)
	}
	wantHeader := map[string]string{"Content-Type": "application/problem+json", "Retry-After": "2", "Cache-Control": "no-store"}
	if diff := cmp.Diff(wantHeader, header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

func TestWriteJSONOfWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	httpserver.WriteJSON(w, http.StatusOK, func() {})
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), httpserver.CodeInternal) {
		t.Errorf("answer %d %s, want an internal error", w.Code, w.Body)
	}
	var out bytes.Buffer
	httpserver.LogPanic(httptest.NewRequest(http.MethodGet, "/", http.NoBody), slog.New(slog.NewJSONHandler(&out, nil)), "boom", []byte("here"))
	if !strings.Contains(out.String(), `"panic":"boom","stack":"here"`) {
		t.Errorf("panic logged as %s", out.String())
	}
}
