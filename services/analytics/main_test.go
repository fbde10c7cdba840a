package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environ returns an environment whose stores are at the URLs.
func environ(t *testing.T, postgresURL, redisURL string) []string {
	t.Helper()
	dir := t.TempDir()
	list := []string{"EVENTFLOW_NODE=analytics-0", "EVENTFLOW_HTTP_ADDRESS=127.0.0.1:0", "EVENTFLOW_METRICS_ADDRESS=127.0.0.1:0"}
	for name, value := range map[string]string{"EVENTFLOW_POSTGRES_URL_FILE": postgresURL, "EVENTFLOW_REDIS_URL_FILE": redisURL} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(list, name+"="+path)
	}
	return list
}

const (
	postgresAway = "postgres://user:secret@127.0.0.1:1/eventflow?sslmode=disable"
	redisAway    = "redis://:secret@127.0.0.1:1/0"
)

func TestRunRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ postgres, redis, want string }{
		"postgres URL is no URL": {"postgres://u:secret@h:port/db", redisAway, "open postgres"},
		"redis URL is no URL":    {postgresAway, "http://:secret@h", "open redis"},
		"a secret is empty":      {"", redisAway, "PostgresURL"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), environ(t, tc.postgres, tc.redis), io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error is %v, want one that names %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// With every store away the process starts, is ready, says that it knows nothing, and
// ends when it is told to.
func TestRunWithoutStores(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, environ(t, postgresAway, redisAway), writer)
		_ = writer.Close()
		ended <- err
	}()
	scanner := bufio.NewScanner(reader)
	addresses := map[string]string{}
	for len(addresses) < 2 && scanner.Scan() {
		var line struct{ Msg, Component, Address string }
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatalf("log line %q: %v", scanner.Text(), err)
		}
		if line.Msg == "Started server" {
			addresses[line.Component] = line.Address
		}
	}
	go func() {
		for scanner.Scan() {
		}
	}()
	for path, want := range map[string]int{
		"/livez": http.StatusOK, "/readyz": http.StatusOK, "/analytics/revenue": http.StatusServiceUnavailable,
	} {
		if status := get(t, "http://"+addresses["api"]+path); status != want {
			t.Errorf("%s is %d, want %d", path, status, want)
		}
	}
	if status := get(t, "http://"+addresses["metrics"]+"/metrics"); status != http.StatusOK {
		t.Errorf("/metrics is %d", status)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("run returned %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("run did not end")
	}
}

func get(t *testing.T, url string) int {
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
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}
