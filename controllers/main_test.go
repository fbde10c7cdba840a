package main

import (
	"flag"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

func TestParseOptions(t *testing.T) {
	t.Parallel()
	standard := options{
		metricsAddress: ":8080",
		healthAddress:  ":8081",
		namespaces:     []string{},
		images:         manifests.Images{Postgres: "postgres:17", Redis: "redis:8", RabbitMQ: "rabbitmq:4"},
		chaos:          true,
	}
	cases := map[string]struct {
		args    []string
		want    func(*options)
		wantErr string
	}{
		"none": {want: func(*options) {}},
		"all": {
			args: []string{
				"--metrics-bind-address=0", "--health-probe-bind-address=:9", "--leader-elect", "--chaos=false",
				"--service-image=a", "--postgres-image=b", "--redis-image=c", "--rabbitmq-image=d",
				"--watch-namespace=x, y,", "--log-level=debug",
			},
			want: func(o *options) {
				*o = options{
					metricsAddress: "0", healthAddress: ":9", leaderElect: true,
					namespaces: []string{"x", "y"},
					images:     manifests.Images{Service: "a", Postgres: "b", Redis: "c", RabbitMQ: "d"},
					logLevel:   slog.LevelDebug,
				}
			},
		},
		"a wrong level":    {args: []string{"--log-level=loud"}, wantErr: "use debug, info, warn or error"},
		"a stray argument": {args: []string{"start"}, wantErr: `unexpected argument "start"`},
		"an unknown flag":  {args: []string{"--colour"}, wantErr: "not defined"},
		"help":             {args: []string{"--help"}, wantErr: flag.ErrHelp.Error()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseOptions(tc.args, &strings.Builder{})
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("error %v, want %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := standard
			tc.want(&want)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{})); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRunHelp(t *testing.T) {
	t.Parallel()
	output := &strings.Builder{}
	if err := run(t.Context(), []string{"--help"}, output); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Usage: operator [flags]", "-leader-elect", "-watch-namespace", "-postgres-image"} {
		if !strings.Contains(output.String(), want) {
			t.Errorf("the help lacks %q", want)
		}
	}
}

func TestSchemeKnowsEventFlow(t *testing.T) {
	t.Parallel()
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	if !scheme.Recognizes(v1alpha1.GroupVersion.WithKind("EventFlow")) || !scheme.Recognizes(v1alpha1.GroupVersion.WithKind("Chaos")) {
		t.Error("a kind is missing")
	}
}
