package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// options are the operator's command line.
type options struct {
	metricsAddress string
	healthAddress  string
	leaderElect    bool
	namespaces     []string
	images         manifests.Images
	logLevel       slog.Level
	chaos          bool
}

const usage = `operator turns EventFlow objects into box offices, and carries out the Chaos
experiments on them.

Usage: operator [flags]

It finds the cluster by --kubeconfig, by $KUBECONFIG, from inside a pod by the pod's
service account, or by ~/.kube/config, in this order.

`

// parseOptions reads the command line. Asked for help, it writes the help to output
// and returns flag.ErrHelp.
func parseOptions(args []string, output io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("operator", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() {
		_, _ = io.WriteString(output, usage)
		flags.PrintDefaults()
	}
	config.RegisterFlags(flags)
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "serve Prometheus metrics at this `address`; 0 serves none")
	flags.StringVar(&o.healthAddress, "health-probe-bind-address", ":8081", "serve /healthz and /readyz at this `address`; 0 serves none")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "work only while holding the leader lease; needed with more than one replica")
	flags.StringVar(&o.images.Service, "service-image", "", "`image` of the purchase API, consumer and analytics, where an EventFlow names none")
	flags.StringVar(&o.images.Postgres, "postgres-image", "postgres:17", "PostgreSQL `image`, where an EventFlow names none")
	flags.StringVar(&o.images.Redis, "redis-image", "redis:8", "Redis `image`, where an EventFlow names none")
	flags.StringVar(&o.images.RabbitMQ, "rabbitmq-image", "rabbitmq:4", "RabbitMQ `image`, where an EventFlow names none")
	flags.BoolVar(&o.chaos, "chaos", true, "carry out Chaos experiments; false leaves Chaos objects alone")
	namespaces := flags.String("watch-namespace", "", "watch only these `namespaces`, separated by commas; empty watches all")
	level := flags.String("log-level", "info", "write log lines of this `level` and above: debug, info, warn or error")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q: see --help", flags.Arg(0))
	}
	if err := o.logLevel.UnmarshalText([]byte(*level)); err != nil {
		return options{}, fmt.Errorf("--log-level %q: use debug, info, warn or error", *level)
	}
	o.namespaces = splitNames(*namespaces)
	return o, nil
}

// splitNames reads a list separated by commas.
func splitNames(list string) []string {
	names := []string{}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// cacheNamespaces is nil for all namespaces.
func (o options) cacheNamespaces() map[string]cache.Config {
	if len(o.namespaces) == 0 {
		return nil
	}
	namespaces := make(map[string]cache.Config, len(o.namespaces))
	for _, name := range o.namespaces {
		namespaces[name] = cache.Config{}
	}
	return namespaces
}
