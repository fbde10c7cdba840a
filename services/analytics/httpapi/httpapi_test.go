package httpapi_test

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

	"github.com/eventflow-dev/eventflow/services/analytics/httpapi"
	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// reports always says the same, or panics.
type reports struct {
	report report.Report
	known  bool
	panics bool
}

func (r *reports) Report() (report.Report, bool) {
	if r.panics {
		panic("boom")
	}
	return r.report, r.known
}

var asOf = time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)

func eur(amount int64) []ticketing.Money { return []ticketing.Money{{Amount: amount, Currency: "EUR"}} }

func makeReport() report.Report {
	totals := report.Totals{Orders: 2, Tickets: 3, Revenue: eur(13500), Incomplete: 1}
	pending := &report.Outstanding{Orders: 1, Tickets: 2, Revenue: eur(9000)}
	return report.Report{
		AsOf: asOf, Source: report.SourcePostgres, Totals: totals, Outstanding: pending,
		Events: []report.Event{{
			ID: "aurora", Name: "Aurora", Totals: totals, Outstanding: pending,
			Tiers: []report.Tier{{ID: "general", Totals: totals}},
		}},
	}
}

type bundle struct {
	handler http.Handler
	health  *httpserver.Health
	log     *bytes.Buffer
}

func setup(t *testing.T, r *reports) bundle {
	t.Helper()
	b := bundle{health: &httpserver.Health{}, log: &bytes.Buffer{}}
	handler, err := httpapi.New(httpapi.Deps{
		Reports: r, Health: b.health, Node: "analytics-0", Clock: func() time.Time { return asOf.Add(7 * time.Second) },
		Logger: slog.New(slog.NewJSONHandler(b.log, nil)), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	b.handler = handler
	return b
}

func (b bundle) get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	return b.do(t, http.MethodGet, path)
}

func (b bundle) do(t *testing.T, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	b.handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
	if node := recorder.Header().Get("X-EventFlow-Node"); node != "analytics-0" {
		t.Errorf("%s %s: the node is %q", method, path, node)
	}
	return recorder
}

func wantJSON(t *testing.T, want string, recorder *httptest.ResponseRecorder) {
	t.Helper()
	var wanted, got any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatalf("the test's JSON: %v", err)
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
		t.Fatalf("answer %q: %v", recorder.Body, err)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

const (
	freshJSON   = `"as_of":"2027-01-02T03:04:05Z","source":"postgres","stale":false`
	totalsJSON  = `"orders":2,"tickets":3,"revenue":[{"amount":13500,"currency":"EUR"}],"incomplete":1`
	pendingJSON = `"pending_known":true,"pending_orders":1,"pending_tickets":2,"pending_revenue":[{"amount":9000,"currency":"EUR"}]`
	unknownJSON = `"pending_known":false,"pending_orders":null,"pending_tickets":null,"pending_revenue":null`
	eventJSON   = `"event_id":"aurora","name":"Aurora","tiers":[{"tier":"general",` + totalsJSON + `}]`
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		path  string
		spoil func(r *report.Report)
		want  string
	}{
		"total revenue": {
			path: "/analytics/revenue",
			want: `{` + freshJSON + `,` + totalsJSON + `,` + pendingJSON + `}`,
		},
		"events": {
			path: "/analytics/events",
			want: `{` + freshJSON + `,` + totalsJSON + `,` + pendingJSON + `,"events":[{` + eventJSON + `,` + totalsJSON + `,` + pendingJSON + `}]}`,
		},
		"one event": {
			path: "/analytics/events/aurora",
			want: `{` + freshJSON + `,` + eventJSON + `,` + totalsJSON + `,` + pendingJSON + `}`,
		},
		"from memory during an outage": {
			path:  "/analytics/revenue",
			spoil: func(r *report.Report) { r.Source, r.Stale = report.SourceMemory, true },
			want:  `{"as_of":"2027-01-02T03:04:05Z","source":"memory","stale":true,` + totalsJSON + `,` + pendingJSON + `}`,
		},
		"null data: what is pending is not known": {
			path:  "/analytics/revenue",
			spoil: func(r *report.Report) { r.Outstanding = nil },
			want:  `{` + freshJSON + `,` + totalsJSON + `,` + unknownJSON + `}`,
		},
		"nothing is pending": {
			path:  "/analytics/revenue",
			spoil: func(r *report.Report) { r.Outstanding = &report.Outstanding{Revenue: []ticketing.Money{}} },
			want: `{` + freshJSON + `,` + totalsJSON +
				`,"pending_known":true,"pending_orders":0,"pending_tickets":0,"pending_revenue":[]}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &reports{report: makeReport(), known: true}
			if tc.spoil != nil {
				tc.spoil(&r.report)
			}
			recorder := setup(t, r).get(t, tc.path)
			if recorder.Code != http.StatusOK {
				t.Fatalf("status is %d: %s", recorder.Code, recorder.Body)
			}
			wantJSON(t, tc.want, recorder)
			want := http.Header{
				"Age": {"7"}, "Cache-Control": {"private, max-age=2, stale-if-error=86400"}, "Content-Type": {"application/json"},
			}
			for name := range want {
				if got := recorder.Header().Get(name); got != want.Get(name) {
					t.Errorf("%s is %q, want %q", name, got, want.Get(name))
				}
			}
		})
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		method, path   string
		reports        reports
		wantStatus     int
		wantCode       string
		wantRetryAfter string
	}{
		"before the first answer": {
			path: "/analytics/revenue", wantStatus: http.StatusServiceUnavailable, wantCode: "STORE_UNAVAILABLE", wantRetryAfter: "2",
		},
		"an event that there is not": {
			path: "/analytics/events/boreal", reports: reports{known: true}, wantStatus: http.StatusNotFound, wantCode: "UNKNOWN_EVENT",
		},
		"a path that there is not": {
			path: "/analytics/", wantStatus: http.StatusNotFound, wantCode: "NOT_FOUND",
		},
		"a method that does not read": {
			method: http.MethodDelete, path: "/analytics/events", wantStatus: http.StatusMethodNotAllowed, wantCode: "METHOD_NOT_ALLOWED",
		},
		"a handler that panics": {
			path: "/analytics/revenue", reports: reports{panics: true}, wantStatus: http.StatusInternalServerError, wantCode: "INTERNAL",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.method == "" {
				tc.method = http.MethodGet
			}
			recorder := setup(t, &tc.reports).do(t, tc.method, tc.path)
			var problem struct {
				Code   string
				Status int
			}
			if err := json.Unmarshal(recorder.Body.Bytes(), &problem); err != nil {
				t.Fatalf("answer %q: %v", recorder.Body, err)
			}
			if recorder.Code != tc.wantStatus || problem.Status != tc.wantStatus || problem.Code != tc.wantCode {
				t.Errorf("status %d with %+v, want %d %s", recorder.Code, problem, tc.wantStatus, tc.wantCode)
			}
			if got := recorder.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type is %q", got)
			}
			if got := recorder.Header().Get("Retry-After"); got != tc.wantRetryAfter {
				t.Errorf("Retry-After is %q, want %q", got, tc.wantRetryAfter)
			}
			if strings.Contains(recorder.Body.String(), "boom") {
				t.Errorf("the answer shows the inside: %s", recorder.Body)
			}
		})
	}
}

// The probes know the process only: nothing is known of the stores here.
func TestProbes(t *testing.T) {
	t.Parallel()
	b := setup(t, &reports{})
	if code := b.get(t, "/livez").Code; code != http.StatusOK {
		t.Errorf("/livez is %d", code)
	}
	if code := b.get(t, "/readyz").Code; code != http.StatusServiceUnavailable {
		t.Errorf("/readyz is %d before the start", code)
	}
	b.health.SetReady()
	if code := b.get(t, "/readyz").Code; code != http.StatusOK {
		t.Errorf("/readyz is %d", code)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	handler, err := httpapi.New(httpapi.Deps{
		Reports: &reports{known: true}, Health: &httpserver.Health{}, Clock: time.Now,
		Logger: slog.New(slog.DiscardHandler), Registerer: registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/analytics/events/x", http.NoBody))
	want := `# HELP eventflow_analytics_http_requests_total Requests answered, by method, route pattern and status code.
# TYPE eventflow_analytics_http_requests_total counter
eventflow_analytics_http_requests_total{code="404",method="GET",route="/analytics/events/:id"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "eventflow_analytics_http_requests_total"); err != nil {
		t.Error(err)
	}
}
