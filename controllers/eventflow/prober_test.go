package eventflow_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/controllers/eventflow"
)

func TestHTTPProber(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		body   string
		want   eventflow.Health
		fails  bool
	}{
		"an answer with more than is asked for": {
			status: http.StatusOK,
			body:   `{"node":"a","mode":"ASYNC","accepting":true,"stores":{"postgres":{"state":"DOWN","since":"2027-01-10T12:00:00Z"}}}`,
			want: eventflow.Health{
				Accepting: true, Mode: "ASYNC", Stores: map[string]eventflow.StoreHealth{"postgres": {State: "DOWN"}},
			},
		},
		"an answer that says nothing of accepting": {status: http.StatusOK, body: `{"mode":"NORMAL"}`, want: eventflow.Health{Mode: "NORMAL"}},
		"an error":   {status: http.StatusServiceUnavailable, body: `{"accepting":true}`, fails: true},
		"no JSON":    {status: http.StatusOK, body: `<html>`, fails: true},
		"too much":   {status: http.StatusOK, body: `{"mode":"` + string(make([]byte, 1<<17)) + `"}`, fails: true},
		"no content": {status: http.StatusOK, fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/health" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			t.Cleanup(server.Close)
			got, err := eventflow.NewHTTPProber(10*time.Second).Probe(t.Context(), server.URL)
			if (err != nil) != tc.fails {
				t.Fatalf("error %v, want one: %t", err, tc.fails)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("health (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHTTPProberGivesUp(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	if _, err := eventflow.NewHTTPProber(50*time.Millisecond).Probe(t.Context(), server.URL); err == nil {
		t.Error("a silent server passes for healthy")
	}
}
