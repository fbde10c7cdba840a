package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

func TestLoggerWritesJSONWithTheNode(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelInfo, "purchase-0")
	log.DebugContext(t.Context(), "Hidden")
	log.InfoContext(t.Context(), "Shown", telemetry.KeyOrderID, "o-1")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("log is not one JSON object: %v\n%s", err, out.String())
	}
	delete(got, "time")
	want := map[string]any{"level": "INFO", "msg": "Shown", "node": "purchase-0", "orderID": "o-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestMetricsHandlerServesTheRegistry(t *testing.T) {
	t.Parallel()
	registry := telemetry.NewRegistry()
	recorder := httptest.NewRecorder()
	telemetry.MetricsHandler(registry).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{"go_goroutines", "process_cpu_seconds_total", `eventflow_build_info{version=`} {
		if !strings.Contains(recorder.Body.String(), want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
	if telemetry.Version() == "" {
		t.Error("Version is empty")
	}
}

func TestHTTPMetricsKeepTheirLabelsClosed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := telemetry.NewHTTPMetrics(registry, "purchase")
	for range 3 {
		m.Begin()
	}
	m.End(http.MethodPost, "/purchase", http.StatusAccepted, 3*time.Millisecond)
	m.End("BREW", "", http.StatusNotFound, time.Millisecond)
	want := `
# HELP eventflow_purchase_http_requests_in_flight Requests that are being answered now.
# TYPE eventflow_purchase_http_requests_in_flight gauge
eventflow_purchase_http_requests_in_flight 1
# HELP eventflow_purchase_http_requests_total Requests answered, by method, route pattern and status code.
# TYPE eventflow_purchase_http_requests_total counter
eventflow_purchase_http_requests_total{code="202",method="POST",route="/purchase"} 1
eventflow_purchase_http_requests_total{code="404",method="OTHER",route="none"} 1
`
	err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"eventflow_purchase_http_requests_total", "eventflow_purchase_http_requests_in_flight")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}
