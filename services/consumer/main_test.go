package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/internal/config"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const catalogJSON = `[{"id":"aurora","name":"Aurora","venue":"Teatro Real","starts_at":"2027-06-05T20:00:00Z","later":1,
"tiers":[{"id":"general","name":"General","price":{"amount":4500,"currency":"EUR"},"capacity":100,"max_per_order":4}]}]`

// environ returns an environment whose stores all refuse connections, with change applied.
func environ(t *testing.T, change map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	variables := map[string]string{
		"EVENTFLOW_POSTGRES_URL_FILE": "postgres://user:secret@127.0.0.1:1/eventflow?sslmode=disable\n",
		"EVENTFLOW_REDIS_URL_FILE":    "redis://:secret@127.0.0.1:1/0",
		"EVENTFLOW_RABBITMQ_URL_FILE": "amqp://user:secret@127.0.0.1:1/",
		"EVENTFLOW_CATALOG_FILE":      catalogJSON,
	}
	maps.Copy(variables, change)
	list := []string{"EVENTFLOW_NODE=consumer-0", "EVENTFLOW_HTTP_ADDRESS=127.0.0.1:0", "EVENTFLOW_METRICS_ADDRESS=127.0.0.1:0"}
	for name, value := range variables {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(list, name+"="+path)
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
		Common:      config.Common{Node: "consumer-0", HTTPAddress: "127.0.0.1:0", MetricsAddress: "127.0.0.1:0"},
		PostgresURL: "postgres://user:secret@127.0.0.1:1/eventflow?sslmode=disable",
		RedisURL:    "redis://:secret@127.0.0.1:1/0", RabbitMQURL: "amqp://user:secret@127.0.0.1:1/",
		Catalog: Catalog{{
			ID: "aurora", Name: "Aurora", Venue: "Teatro Real", StartsAt: time.Date(2027, 6, 5, 20, 0, 0, 0, time.UTC),
			Tiers: []ticketing.Tier{{
				ID: "general", Name: "General", Price: ticketing.Money{Amount: 4500, Currency: "EUR"}, Capacity: 100, MaxPerOrder: 4,
			}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestRunRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change map[string]string
		want   string
	}{
		"catalog is no JSON":     {map[string]string{"EVENTFLOW_CATALOG_FILE": "events: []"}, "not a JSON array of events"},
		"catalog is not valid":   {map[string]string{"EVENTFLOW_CATALOG_FILE": `[{"id":"aurora","name":"Aurora"}]`}, "has no tier"},
		"postgres URL is no URL": {map[string]string{"EVENTFLOW_POSTGRES_URL_FILE": "postgres://u:secret@h:port/db"}, "open postgres"},
		"redis URL is no URL":    {map[string]string{"EVENTFLOW_REDIS_URL_FILE": "http://:secret@h"}, "open redis"},
		"catalog is empty":       {map[string]string{"EVENTFLOW_CATALOG_FILE": ""}, "catalog is empty"},
		"catalog is null":        {map[string]string{"EVENTFLOW_CATALOG_FILE": "null"}, "catalog is empty"},
		"a secret is empty":      {map[string]string{"EVENTFLOW_RABBITMQ_URL_FILE": "\n"}, "RabbitMQURL"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), environ(t, tc.change), io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error is %v, want one that names %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// With every store away the process starts, is ready, says so, and ends when it is told to.
func TestRunWithoutStores(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, environ(t, nil), writer)
		_ = writer.Close()
		ended <- err
	}()
	log := bufio.NewScanner(reader)
	addresses := awaitStart(t, log)
	for path, want := range map[string]string{"/livez": "ok", "/readyz": "ok"} {
		if status, body := get(t, "http://"+addresses["probes"]+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s is %d %q", path, status, body)
		}
	}
	status, body := get(t, "http://"+addresses["metrics"]+"/metrics")
	if status != http.StatusOK || !strings.Contains(body, `eventflow_consumer_state{state="paused"} 1`) {
		t.Errorf("/metrics is %d and does not say that the consumer is paused", status)
	}
	cancel()
	go func() {
		for log.Scan() {
		}
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("run returned %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("run did not end")
	}
}

// awaitStart reads the log until both servers listen and the lack of a ledger has been
// noticed, and returns the servers' addresses.
func awaitStart(t *testing.T, log *bufio.Scanner) map[string]string {
	t.Helper()
	addresses := map[string]string{}
	noticed := false
	for (len(addresses) < 2 || !noticed) && log.Scan() {
		if strings.Contains(log.Text(), "secret") {
			t.Errorf("the log shows a secret: %s", log.Text())
		}
		var line struct{ Msg, Component, Address string }
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Fatalf("log line %q: %v", log.Text(), err)
		}
		switch line.Msg {
		case "Started server":
			addresses[line.Component] = line.Address
		case "Looking after the sale failed, trying on":
			noticed = true
		}
	}
	return addresses
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
