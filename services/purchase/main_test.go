package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environ returns an environment whose stores all refuse connections, with change
// applied: a value of "-" removes the variable.
func environ(t *testing.T, change map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))) + "\n"
	variables := map[string]string{
		"EVENTFLOW_NODE":              "purchase-0",
		"EVENTFLOW_HTTP_ADDRESS":      "127.0.0.1:0",
		"EVENTFLOW_METRICS_ADDRESS":   "127.0.0.1:0",
		"EVENTFLOW_POSTGRES_URL_FILE": file("postgres", "postgres://user:secret@127.0.0.1:1/eventflow?sslmode=disable\n"),
		"EVENTFLOW_REDIS_URL_FILE":    file("redis", "redis://:secret@127.0.0.1:1/0"),
		"EVENTFLOW_RABBITMQ_URL_FILE": file("rabbitmq", "amqp://user:secret@127.0.0.1:1/"),
		"EVENTFLOW_ORDER_KEY_FILE":    file("order-id.key", key),
		"EVENTFLOW_RECEIPT_KEY_FILE":  file("receipt.key", key),
	}
	for name, value := range change {
		variables[name] = value
		if strings.HasSuffix(name, "_FILE") {
			variables[name] = file(name, value)
		}
		if value == "-" {
			delete(variables, name)
		}
	}
	var list []string
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	return list
}

func TestFromEnv(t *testing.T) {
	t.Parallel()
	got, err := FromEnv(environ(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Node: "purchase-0", LogLevel: slog.LevelInfo, HTTPAddress: "127.0.0.1:0", MetricsAddress: "127.0.0.1:0",
		PostgresURL: "postgres://user:secret@127.0.0.1:1/eventflow?sslmode=disable",
		RedisURL:    "redis://:secret@127.0.0.1:1/0", RabbitMQURL: "amqp://user:secret@127.0.0.1:1/",
		OrderKey: KeyBytes(strings.Repeat("k", 32)), ReceiptKey: KeyBytes(strings.Repeat("k", 32)),
		Wait: 300 * time.Millisecond, MaxInFlight: 512, MaxReads: 2048, OutboxLimit: 100000,
		RateLimit: 50, RateBurst: 100, ReadRateLimit: 500, ReadRateBurst: 1000,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	var shown strings.Builder
	slog.New(slog.NewJSONHandler(&shown, nil)).InfoContext(t.Context(), "x", "a", got.RedisURL, "b", got.OrderKey,
		"c", got.PostgresURL.String(), "d", got.ReceiptKey.String())
	if strings.Contains(shown.String(), "secret") || strings.Contains(shown.String(), "kkk") {
		t.Errorf("a secret is shown: %s", shown.String())
	}
}

func TestFromEnvNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change map[string]string
		want   []string
	}{
		"values out of range": {
			map[string]string{"EVENTFLOW_WAIT": "11s", "EVENTFLOW_MAX_IN_FLIGHT": "0", "EVENTFLOW_OUTBOX_LIMIT": "-1", "EVENTFLOW_SHUTDOWN_DELAY": "-1s"},
			[]string{"EVENTFLOW_WAIT", "EVENTFLOW_MAX_IN_FLIGHT", "EVENTFLOW_OUTBOX_LIMIT", "EVENTFLOW_SHUTDOWN_DELAY"},
		},
		"limits out of range": {
			map[string]string{
				"EVENTFLOW_MAX_READS": "0", "EVENTFLOW_RATE_LIMIT": "-1", "EVENTFLOW_RATE_BURST": "0",
				"EVENTFLOW_READ_RATE_LIMIT": "-1", "EVENTFLOW_READ_RATE_BURST": "0", "EVENTFLOW_TRUSTED_HOPS": "-1",
			},
			[]string{
				"EVENTFLOW_MAX_READS", "EVENTFLOW_RATE_LIMIT", "EVENTFLOW_RATE_BURST",
				"EVENTFLOW_READ_RATE_LIMIT", "EVENTFLOW_READ_RATE_BURST", "EVENTFLOW_TRUSTED_HOPS",
			},
		},
		"not a duration": {map[string]string{"EVENTFLOW_WAIT": "soon"}, []string{"Wait", "soon"}},
		"not a level":    {map[string]string{"EVENTFLOW_LOG_LEVEL": "loud"}, []string{"LogLevel"}},
		"short key":      {map[string]string{"EVENTFLOW_ORDER_KEY_FILE": "c2hvcnQ="}, []string{"OrderKey", "5 bytes"}},
		"no base64":      {map[string]string{"EVENTFLOW_RECEIPT_KEY_FILE": "?"}, []string{"ReceiptKey", "base64"}},
		"empty url":      {map[string]string{"EVENTFLOW_REDIS_URL_FILE": " \n"}, []string{"RedisURL", "empty"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := FromEnv(environ(t, tc.change))
			if err == nil {
				t.Fatal("FromEnv took it")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not name %s", err, want)
				}
			}
		})
	}
	if c, err := FromEnv(environ(t, map[string]string{"EVENTFLOW_NODE": "-"})); err != nil || c.Node == "" {
		t.Errorf("without a node name: %q, %v; want the host's", c.Node, err)
	}
}

func TestRunRefusesAURLThatIsNone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"EVENTFLOW_POSTGRES_URL_FILE", "EVENTFLOW_REDIS_URL_FILE"} {
		err := run(t.Context(), environ(t, map[string]string{name: "::secret::"}), io.Discard)
		if err == nil {
			t.Errorf("run took a bad %s", name)
		}
	}
	if err := run(t.Context(), nil, io.Discard); err == nil {
		t.Error("run needs no secrets")
	}
}

// process is the service, running.
type process struct {
	api, metrics string
	client       *http.Client
	stop         context.CancelFunc
	ended        chan error
}

func start(t *testing.T, env []string) *process {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	p := &process{client: &http.Client{Transport: &http.Transport{}}, stop: stop, ended: make(chan error, 1)}
	go func() {
		p.ended <- run(ctx, env, writer)
		_ = writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	for (p.api == "" || p.metrics == "") && lines.Scan() {
		var line struct{ Msg, Component, Address string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("log line %q: %v", lines.Text(), err)
		}
		switch line.Component {
		case "api":
			p.api = "http://" + line.Address
		case "metrics":
			p.metrics = "http://" + line.Address
		}
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	t.Cleanup(p.client.CloseIdleConnections)
	return p
}

func (p *process) do(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// TestRunWithEveryStoreDown: the pod starts, becomes ready, tells the truth and stops.
func TestRunWithEveryStoreDown(t *testing.T) {
	t.Parallel()
	p := start(t, environ(t, nil))
	for {
		if code, _ := p.do(t, http.MethodGet, p.api+"/readyz", ""); code == http.StatusOK {
			break
		}
	}
	purchase := `{"event_id":"aurora","tier":"general","quantity":1,"email":"ada@example.com"}`
	cases := []struct {
		method, url, body string
		code              int
		want              string
	}{
		{http.MethodGet, p.api + "/livez", "", 200, "ok"},
		{http.MethodGet, p.api + "/health", "", 200, `"mode":"PAUSED","accepting":false,"stores":{"postgres":{"state":"DOWN"`},
		{http.MethodGet, p.api + "/events", "", 503, "STORE_UNAVAILABLE"},
		{http.MethodPost, p.api + "/purchase", purchase, 503, "STORE_UNAVAILABLE"},
		{http.MethodPost, p.api + "/purchase", "{}", 422, "INVALID"},
		{http.MethodGet, p.api + "/orders/3d3bd863-f5f4-83ba-b4d5-2123377c6955", "", 503, "STORE_UNAVAILABLE"},
		{http.MethodGet, p.api + "/.well-known/eventflow-receipts", "", 200, "Ed25519"},
		{http.MethodGet, p.api + "/metrics", "", 404, "NOT_FOUND"},
		{http.MethodGet, p.metrics + "/metrics", "", 200, `eventflow_purchase_store_up{store="redis"} 0`},
	}
	for _, tc := range cases {
		began := time.Now()
		code, body := p.do(t, tc.method, tc.url, tc.body)
		if code != tc.code || !strings.Contains(body, tc.want) {
			t.Errorf("%s %s: %d %s; want %d with %s", tc.method, tc.url, code, body, tc.code, tc.want)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s %s took %s", tc.method, tc.url, took)
		}
	}
	p.client.CloseIdleConnections()
	p.stop()
	if err := <-p.ended; err != nil {
		t.Errorf("run = %v", err)
	}
}

// TestRunLimitsClients: what the environment says of limits and proxies holds for the service.
func TestRunLimitsClients(t *testing.T) {
	t.Parallel()
	p := start(t, environ(t, map[string]string{
		"EVENTFLOW_RATE_LIMIT": "1", "EVENTFLOW_RATE_BURST": "1", "EVENTFLOW_TRUSTED_HOPS": "1",
	}))
	buy := func(forwarded string) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.api+"/purchase", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Forwarded-For", forwarded)
		response, err := p.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	for n := range 20 { // as many clients, the first purchase of each
		if code := buy(fmt.Sprintf("6.6.6.6, 1.1.1.%d", n)); code != http.StatusUnprocessableEntity {
			t.Errorf("client %d: %d", n, code)
		}
	}
	// One client of many faces. A slow machine may let a second pass between two of its purchases.
	for n := 0; buy(fmt.Sprintf("6.6.6.%d, 2.2.2.2", n)) != http.StatusTooManyRequests; n++ {
		if n == 50 {
			t.Fatal("one client is never limited")
		}
	}
	p.client.CloseIdleConnections()
	p.stop()
	if err := <-p.ended; err != nil {
		t.Errorf("run = %v", err)
	}
}

func TestRunReportsAnAddressInUse(t *testing.T) {
	t.Parallel()
	first := start(t, environ(t, nil))
	taken := strings.TrimPrefix(first.api, "http://")
	err := run(t.Context(), environ(t, map[string]string{"EVENTFLOW_HTTP_ADDRESS": taken}), io.Discard)
	if err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("run = %v, want an error that names %s", err, taken)
	}
	first.stop()
	if err := <-first.ended; err != nil {
		t.Errorf("run = %v", err)
	}
}
