//go:build envtest

package chaos_test

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/chaos"
)

// TestInManager runs two experiments in a real manager on a real clock: its watches
// alone carry them from step to step, one after the other.
func TestInManager(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	clock := time.Now
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{s.namespace: {}}},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &chaos.Reconciler{Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("test"), Clock: clock}
	if err := r.SetupWithManager(mgr); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("manager: %v", err)
		}
	}()

	second := func(spec *v1alpha1.ChaosSpec) { spec.Duration.Duration = time.Second }
	s.createChaos(t, "first", second)
	s.createChaos(t, "second", second)
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		s.now = clock()
		s.play(t)                                                                                                   //nolint:contextcheck // it has the test's
		return s.chaos(t, "first").Status.RecoveredAt != nil && s.chaos(t, "second").Status.RecoveredAt != nil, nil //nolint:contextcheck // the same
	})
	if err != nil {
		t.Fatalf("%v: first %+v, second %+v", err, s.chaos(t, "first").Status, s.chaos(t, "second").Status)
	}
	checkReturned(t, s)
	for _, name := range []string{"first", "second"} {
		status := s.chaos(t, name).Status
		if status.Phase != v1alpha1.ChaosRecovered || status.Measured == nil {
			t.Errorf("%s ended %s, measured %+v", name, status.Phase, status.Measured)
		}
		if away := status.RecoveringAt.Sub(status.InjectedAt.Time); away < time.Second || away > 5*time.Second {
			t.Errorf("%s was away for %s, want its duration of 1s", name, away)
		}
	}
}
