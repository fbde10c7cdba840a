// The operator turns EventFlows into box offices and carries out Chaos experiments on
// them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/chaos"
	"github.com/eventflow-dev/eventflow/controllers/eventflow"
)

// probeTimeout bounds how long a run waits for a purchase API.
const probeTimeout = time.Second

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "operator:", err)
		os.Exit(1)
	}
}

// run is the operator until ctx ends.
func run(ctx context.Context, args []string, output io.Writer) error {
	o, err := parseOptions(args, output)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(output, &slog.HandlerOptions{Level: o.logLevel}))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)

	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	mgr, err := newManager(config, o)
	if err != nil {
		return fmt.Errorf("make manager: %w", err)
	}
	if err := setUp(mgr, o); err != nil { //nolint:contextcheck // controllers are set up before ctx matters
		return err
	}
	logger.Info("Starting operator", "serviceImage", o.images.Service, "chaos", o.chaos, "namespaces", o.namespaces)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run manager: %w", err)
	}
	return nil
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
}

func newManager(config *rest.Config, o options) (ctrl.Manager, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	return ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			ByObject:          eventflow.CacheByObject(),
			DefaultNamespaces: o.cacheNamespaces(),
			DefaultTransform:  cache.TransformStripManagedFields(),
		},
		Metrics:                metricsserver.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress: o.healthAddress,
		LeaderElection:         o.leaderElect,
		LeaderElectionID:       "eventflow-operator.eventflow.dev",
		// The process ends as soon as the manager has, so the next one may take over.
		LeaderElectionReleaseOnCancel: true,
	})
}

// setUp adds the controllers and the health checks.
func setUp(mgr ctrl.Manager, o options) error {
	recorder := mgr.GetEventRecorder("eventflow-operator")
	clock := time.Now
	err := (&eventflow.Reconciler{
		Client:   mgr.GetClient(),
		Live:     mgr.GetAPIReader(),
		Recorder: recorder,
		Clock:    clock,
		Prober:   eventflow.NewHTTPProber(probeTimeout),
		Images:   o.images,
	}).SetupWithManager(mgr)
	if err != nil {
		return fmt.Errorf("set up EventFlow controller: %w", err)
	}
	if o.chaos {
		err := (&chaos.Reconciler{Client: mgr.GetClient(), Recorder: recorder, Clock: clock}).SetupWithManager(mgr)
		if err != nil {
			return fmt.Errorf("set up Chaos controller: %w", err)
		}
	}
	return errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ping", healthz.Ping))
}
