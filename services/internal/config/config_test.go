package config_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/internal/config"
)

type own struct {
	config.Common
	URL   config.Secret `env:"URL_FILE,file,required" envDefault:"/nowhere/url"`
	Limit int           `env:"LIMIT"                  envDefault:"7"`
}

func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	t.Parallel()
	file := secretFile(t, " redis://:secret@host/0\n")
	cases := map[string]struct {
		environ []string
		want    own
	}{
		"defaults": {
			environ: []string{"EVENTFLOW_NODE=pod-1", "EVENTFLOW_URL_FILE=" + file, "OTHER=x"},
			want: own{
				Common: config.Common{Node: "pod-1", HTTPAddress: ":8080", MetricsAddress: ":9090"},
				URL:    "redis://:secret@host/0", Limit: 7,
			},
		},
		"everything": {
			environ: []string{
				"EVENTFLOW_NODE=pod-1", "EVENTFLOW_URL_FILE=" + file, "EVENTFLOW_LIMIT=3", "EVENTFLOW_LOG_LEVEL=debug",
				"EVENTFLOW_HTTP_ADDRESS=:1", "EVENTFLOW_METRICS_ADDRESS=:2", "EVENTFLOW_SHUTDOWN_DELAY=3s",
			},
			want: own{
				Common: config.Common{
					Node: "pod-1", LogLevel: slog.LevelDebug, HTTPAddress: ":1", MetricsAddress: ":2", ShutdownDelay: 3 * time.Second,
				},
				URL: "redis://:secret@host/0", Limit: 3,
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got own
			if err := config.Read(tc.environ, &got); err != nil {
				t.Fatalf("Read: %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadTakesTheHostsName(t *testing.T) {
	t.Parallel()
	var got own
	if err := config.Read([]string{"EVENTFLOW_URL_FILE=" + secretFile(t, "x")}, &got); err != nil {
		t.Fatalf("Read: %v", err)
	}
	if host, err := os.Hostname(); err != nil || got.Node != host {
		t.Errorf("node is %q, want %q (%v)", got.Node, host, err)
	}
}

func TestReadNamesEveryProblem(t *testing.T) {
	t.Parallel()
	var got own
	err := config.Read([]string{
		"EVENTFLOW_URL_FILE=" + secretFile(t, " \n"), "EVENTFLOW_LIMIT=many", "EVENTFLOW_LOG_LEVEL=loud", "EVENTFLOW_SHUTDOWN_DELAY=-1s",
	}, &got)
	if err == nil {
		t.Fatal("Read took it")
	}
	for _, want := range []string{"URL", "the file is empty", "Limit", "many", "LogLevel", "EVENTFLOW_SHUTDOWN_DELAY"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
	err = config.Read([]string{"EVENTFLOW_URL_FILE=" + secretFile(t, "")}, &got)
	if err == nil || !strings.Contains(err.Error(), "URL: the file is empty") {
		t.Errorf("error for a file without a byte is %v", err)
	}
	if err := config.Read(nil, &got); err == nil || !strings.Contains(err.Error(), "/nowhere/url") {
		t.Errorf("error for a missing file is %v", err)
	}
}

func TestSecretIsNotShown(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	c := own{URL: "hunter2"}
	slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(t.Context(), "Read", "url", c.URL)
	for _, shown := range []string{log.String(), fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c)} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("shown: %s", shown)
		}
	}
}
