//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
	"github.com/eventflow-dev/eventflow/test/framework/cluster"
	"github.com/eventflow-dev/eventflow/test/framework/load"
)

const (
	// rolloutRate is purchases a second during a rollout.
	rolloutRate = 15
	// rolloutEvent has seats enough for all of them. Nobody else buys them.
	rolloutEvent = "rollouts"
)

// TestRollouts rolls each component while purchases go on, through the ingress. Nothing is
// lost, and but for Redis, which is alone and decides, nobody is refused or left without an answer.
func TestRollouts(t *testing.T) {
	s := setup(t)
	s.putOnSale(t, rolloutEvent)
	cases := []struct {
		component string
		roll      func(suite, *testing.T, string)
		outage    bool
		mayRefuse bool
	}{
		{component: "purchase", roll: suite.rollDeployment},
		{component: "consumer", roll: suite.rollDeployment},
		{component: "analytics", roll: suite.rollDeployment},
		{component: "rabbitmq", roll: suite.replacePod},
		{component: "postgres", roll: suite.replacePod},
		{component: "redis", roll: suite.replacePod, mayRefuse: true},
		{component: "purchase", roll: suite.rollDeployment, outage: true},
		{component: "consumer", roll: suite.rollDeployment, outage: true},
	}
	for _, tc := range cases {
		title := tc.component
		if tc.outage {
			title += " during an outage"
		}
		t.Run(title, func(t *testing.T) {
			run := fmt.Sprintf("roll-%d", time.Now().UnixNano())
			var chaos *v1alpha1.Chaos
			if tc.outage {
				chaos = s.startOutage(t, run)
			}
			operations, window := s.underLoad(t, run, func() { tc.roll(s, t, tc.component) })
			if invalid := history.Validity(operations, window, rolloutRate/2); invalid != "" {
				t.Fatalf("INVALID: %s", invalid)
			}
			for _, op := range operations {
				if !op.Answer.Acknowledged() && !tc.mayRefuse {
					t.Errorf("%s was answered %s (%s) after %s", op.Buyer, op.Answer, op.Code, op.Completed.Sub(op.Invoked))
				}
			}
			if chaos != nil {
				s.endOfOutage(t, chaos)
			}
			s.checkRun(t, run, operations)
		})
	}
	s.agree(t, rolloutEvent)
}

// putOnSale adds an event to the catalog for the length of the test.
func (s suite) putOnSale(t *testing.T, event string) {
	t.Helper()
	ef := &v1alpha1.EventFlow{}
	must(t, s.Fetch(t.Context(), name, ef))
	before := ef.DeepCopy()
	ef.Spec.Catalog.Events = append(ef.Spec.Catalog.Events, v1alpha1.CatalogEvent{
		ID: event, Name: "Rollouts", Venue: "Test", StartsAt: metav1.NewTime(time.Now().AddDate(1, 0, 0)),
		Tiers: []v1alpha1.CatalogTier{{ID: tierID, Name: "General", Price: v1alpha1.CatalogPrice{Amount: 1000, Currency: "EUR"}, Capacity: 1_000_000}},
	})
	must(t, s.Patch(t.Context(), ef, client.MergeFrom(before)))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		must(t, s.Fetch(ctx, name, ef))
		ef.Spec.Catalog = before.Spec.Catalog
		must(t, s.Update(ctx, ef))
	})
	s.until(t, 2*time.Minute, "the event is on sale", func(ctx context.Context) string {
		for range 3 { // the ingress goes round the pods
			answer, err := s.office.Buy(ctx, boxoffice.Purchase{EventID: event, Tier: tierID, Quantity: 1, Email: "first@example.com"})
			if err != nil || answer.Status != http.StatusCreated {
				return fmt.Sprintf("%d %s, %v", answer.Status, answer.Raw, err)
			}
		}
		return s.condition(ctx, v1alpha1.ConditionReady, "True")
	})
}

// underLoad sends purchases before, during and after the fault.
func (s suite) underLoad(t *testing.T, run string, fault func()) ([]history.Operation, history.Fault) {
	t.Helper()
	purchases := load.Start(t.Context(), s.office, load.Options{
		Rate: rolloutRate, Seed: 1, Prefix: run, EventID: rolloutEvent, Tiers: []string{tierID},
		MaxQuantity: 1, Retries: 20, MaxInFlight: 200,
	})
	seen := func(least int) {
		s.until(t, time.Minute, "purchases are answered", func(context.Context) string {
			if n := len(purchases.Seen()); n < least {
				return fmt.Sprintf("%d are", n)
			}
			return ""
		})
	}
	seen(3 * rolloutRate)
	window := history.Fault{From: time.Now()}
	fault()
	window.To = time.Now()
	seen(len(purchases.Seen()) + 3*rolloutRate)
	operations, skipped := purchases.Stop()
	if skipped > 0 {
		t.Errorf("%d purchases were not sent: too many were unanswered", skipped)
	}
	return operations, window
}

// rollDeployment gives every pod of the component a successor.
func (s suite) rollDeployment(t *testing.T, component string) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	must(t, s.Fetch(t.Context(), name+"-"+component, deployment))
	before := s.podNames(t, component)
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339Nano))
	must(t, s.Patch(t.Context(), deployment, client.RawPatch("application/merge-patch+json", patch)))
	s.until(t, 3*time.Minute, "every pod of "+component+" is a new one and ready", func(ctx context.Context) string {
		pods, err := s.Pods(ctx, component)
		if err != nil {
			return err.Error()
		}
		return allNew(pods, before, int(*deployment.Spec.Replicas))
	})
}

// replacePod takes the pod of a store away and waits for its successor.
func (s suite) replacePod(t *testing.T, component string) {
	t.Helper()
	pod := &corev1.Pod{}
	must(t, s.Fetch(t.Context(), name+"-"+component+"-0", pod))
	old := pod.UID
	must(t, s.Delete(t.Context(), pod))
	s.until(t, 3*time.Minute, component+" has a new pod that is ready", func(ctx context.Context) string {
		if err := s.Fetch(ctx, name+"-"+component+"-0", pod); err != nil {
			return err.Error()
		}
		if pod.UID == old || !cluster.Ready(*pod) {
			return "it has not"
		}
		return ""
	})
	s.until(t, 2*time.Minute, "the box office is Ready", func(ctx context.Context) string {
		return s.condition(ctx, v1alpha1.ConditionReady, "True")
	})
}

func (s suite) podNames(t *testing.T, component string) map[string]bool {
	t.Helper()
	pods, err := s.Pods(t.Context(), component)
	must(t, err)
	names := map[string]bool{}
	for _, pod := range pods {
		names[pod.Name] = true
	}
	return names
}

func allNew(pods []corev1.Pod, before map[string]bool, want int) string {
	ready := 0
	for _, pod := range pods {
		if before[pod.Name] {
			return "pod " + pod.Name + " is still there"
		}
		if cluster.Ready(pod) {
			ready++
		}
	}
	if ready != want {
		return fmt.Sprintf("%d of %d are ready", ready, want)
	}
	return ""
}

// checkRun waits until what was promised to the run's buyers is in the ledger, and has the
// checker compare. That stock and sold seats add up is seen at the end, over all runs.
func (s suite) checkRun(t *testing.T, run string, operations []history.Operation) {
	t.Helper()
	promised := map[string]bool{}
	for _, op := range operations {
		if op.Answer.Acknowledged() {
			promised[op.Buyer] = true
		}
	}
	var rows []string
	s.until(t, 2*time.Minute, fmt.Sprintf("the %d orders promised are in the ledger", len(promised)), func(ctx context.Context) string {
		var err error
		rows, err = s.SQL(ctx, name, fmt.Sprintf(
			"SELECT order_id, email, event_id, tier_id, quantity, status FROM orders WHERE email LIKE '%s-%%'", run))
		if err != nil {
			return err.Error()
		}
		if len(rows) < len(promised) {
			return fmt.Sprintf("%d are", len(rows))
		}
		return ""
	})
	final := history.Final{}
	for _, row := range rows {
		fields := strings.Split(row, "|")
		quantity, err := strconv.Atoi(fields[4])
		must(t, err)
		final.Rows = append(final.Rows, history.Row{
			OrderID: fields[0], Buyer: fields[1], EventID: fields[2], TierID: fields[3], Quantity: quantity, State: fields[5],
		})
	}
	report := history.Check(operations, final)
	t.Log(report)
	for _, violation := range report.Violations {
		t.Errorf("%s: %s", violation.Kind, violation.Detail)
	}
}
