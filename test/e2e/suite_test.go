//go:build e2e

package e2e_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
	"github.com/eventflow-dev/eventflow/test/framework/cluster"
)

const (
	name    = "boxoffice"
	eventID = "aurora"
	tierID  = "general"
)

// suite is what every test uses: the cluster, and the box office in it.
type suite struct {
	*cluster.Cluster
	office *boxoffice.Client
}

// setup connects to the cluster and waits until purchases can be made. When the test
// fails, it leaves what one needs to see why in a folder that it names.
func setup(t *testing.T) suite {
	t.Helper()
	namespace := cmp.Or(os.Getenv("EVENTFLOW_NAMESPACE"), "eventflow")
	c, err := cluster.Connect(os.Getenv("KUBECONFIG"), namespace)
	if err != nil {
		t.Fatal(err)
	}
	s := suite{Cluster: c, office: boxoffice.New(cmp.Or(os.Getenv("EVENTFLOW_URL"), "http://localhost"), 15*time.Second)}
	t.Cleanup(func() { s.dumpIfFailed(t) })
	s.until(t, 3*time.Minute, "the box office is Ready", func(ctx context.Context) string {
		return s.condition(ctx, v1alpha1.ConditionReady, "True")
	})
	return s
}

func (s suite) dumpIfFailed(t *testing.T) {
	t.Helper()
	if !t.Failed() {
		return
	}
	folder := filepath.Join(cmp.Or(os.Getenv("EVENTFLOW_ARTIFACTS"), "artifacts"), t.Name())
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	err := s.Dump(ctx, folder, "eventflow-system", "ingress-nginx")
	if absolute, absErr := filepath.Abs(folder); absErr == nil {
		folder = absolute
	}
	t.Logf("objects, events and logs are in %s (incomplete: %v)", folder, err)
}

// until waits for a condition of the world, and fails the test with the last complaint.
func (s suite) until(t *testing.T, timeout time.Duration, what string, check func(context.Context) string) {
	t.Helper()
	started := time.Now()
	if err := cluster.Until(t.Context(), timeout, check); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	t.Logf("%-58s %6.1f s", what, time.Since(started).Seconds())
}

// condition returns "" where the EventFlow's condition has the status.
func (s suite) condition(ctx context.Context, kind, status string) string {
	ef := &v1alpha1.EventFlow{}
	if err := s.Fetch(ctx, name, ef); err != nil {
		return err.Error()
	}
	condition := apimeta.FindStatusCondition(ef.Status.Conditions, kind)
	if condition == nil {
		return "EventFlow has no condition " + kind
	}
	if string(condition.Status) != status {
		return fmt.Sprintf("%s is %s: %s: %s", kind, condition.Status, condition.Reason, condition.Message)
	}
	return ""
}

// available returns how many seats of the event's first tier are left, as the API says it.
func (s suite) available(ctx context.Context, event string) (available, capacity int, err error) {
	answer, err := s.office.Event(ctx, event)
	if err != nil {
		return 0, 0, err
	}
	if len(answer.Body.Tiers) == 0 {
		return 0, 0, fmt.Errorf("event %s: %d %s", event, answer.Status, answer.Raw)
	}
	tier := answer.Body.Tiers[0]
	return tier.Available, tier.Capacity, nil
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
