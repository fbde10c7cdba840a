//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
)

// TestIngressBalances asserts that purchases and reads reach all three pods in turn.
func TestIngressBalances(t *testing.T) {
	s := setup(t)
	nodes := map[string]int{}
	for range 30 {
		answer, err := s.office.Event(t.Context(), eventID)
		must(t, err)
		if answer.Status != http.StatusOK {
			t.Fatalf("GET /events/%s answered %d: %s", eventID, answer.Status, answer.Raw)
		}
		nodes[answer.Node()]++
	}
	if len(nodes) != 3 {
		t.Fatalf("30 requests were served by %v, want three pods", nodes)
	}
	for node, n := range nodes {
		if n < 5 {
			t.Errorf("pod %s served %d of 30 requests: not round robin: %v", node, n, nodes)
		}
	}
}

// TestBadPurchases asserts that the ingress passes the contract's refusals on.
func TestBadPurchases(t *testing.T) {
	s := setup(t)
	cases := map[string]struct {
		purchase boxoffice.Purchase
		status   int
		code     string
	}{
		"every field wrong": {boxoffice.Purchase{EventID: "No!", Quantity: -1, Email: "nobody"}, http.StatusUnprocessableEntity, "INVALID"},
		"unknown event":     {boxoffice.Purchase{EventID: "nowhere", Quantity: 1, Email: "ada@example.com"}, http.StatusNotFound, "UNKNOWN_EVENT"},
		"unknown tier":      {boxoffice.Purchase{EventID: eventID, Tier: "moon", Quantity: 1, Email: "ada@example.com"}, http.StatusNotFound, "UNKNOWN_TIER"},
	}
	for title, tc := range cases {
		t.Run(title, func(t *testing.T) {
			answer, err := s.office.Buy(t.Context(), tc.purchase)
			must(t, err)
			if answer.Status != tc.status || answer.Body.Code != tc.code {
				t.Errorf("answered %d %s, want %d %s: %s", answer.Status, answer.Body.Code, tc.status, tc.code, answer.Raw)
			}
		})
	}
}

// TestOperatorSetsThingsRight changes the spec, deletes a child and edits one.
func TestOperatorSetsThingsRight(t *testing.T) {
	s := setup(t)
	s.scalePurchase(t, 4)
	s.scalePurchase(t, 3)

	t.Run("a deleted child comes back", func(t *testing.T) {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name + "-purchase", Namespace: s.Namespace}}
		must(t, s.Fetch(t.Context(), service.Name, service))
		old := service.UID
		must(t, s.Delete(t.Context(), service))
		s.until(t, 5*time.Second, "the Service is there again", func(ctx context.Context) string {
			again := &corev1.Service{}
			if err := s.Fetch(ctx, service.Name, again); err != nil {
				return err.Error()
			}
			if again.UID == old {
				return "it is still the old one"
			}
			return ""
		})
	})

	t.Run("an edited child is set right", func(t *testing.T) {
		deployment := &appsv1.Deployment{}
		must(t, s.Fetch(t.Context(), name+"-analytics", deployment))
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"replicas":2}}`))
		must(t, s.Patch(t.Context(), deployment, patch))
		s.until(t, 5*time.Second, "analytics has one replica again", func(ctx context.Context) string {
			if err := s.Fetch(ctx, name+"-analytics", deployment); err != nil {
				return err.Error()
			}
			if *deployment.Spec.Replicas != 1 {
				return fmt.Sprintf("%d replicas", *deployment.Spec.Replicas)
			}
			return ""
		})
	})
	s.until(t, 2*time.Minute, "the box office is Ready", func(ctx context.Context) string {
		return s.condition(ctx, v1alpha1.ConditionReady, "True")
	})
}

// scalePurchase asks for n purchase pods and expects the operator to react within two
// seconds, and the pods to be ready soon after.
func (s suite) scalePurchase(t *testing.T, n int32) {
	t.Helper()
	ef := &v1alpha1.EventFlow{}
	must(t, s.Fetch(t.Context(), name, ef))
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"purchase":{"replicas":%d}}}`, n))
	must(t, s.Patch(t.Context(), ef, patch))
	deployment := &appsv1.Deployment{}
	s.until(t, 2*time.Second, fmt.Sprintf("the purchase Deployment wants %d replicas", n), func(ctx context.Context) string {
		if err := s.Fetch(ctx, name+"-purchase", deployment); err != nil {
			return err.Error()
		}
		if *deployment.Spec.Replicas != n {
			return fmt.Sprintf("it wants %d", *deployment.Spec.Replicas)
		}
		return ""
	})
	s.until(t, 90*time.Second, fmt.Sprintf("%d purchase pods are ready, no more", n), func(ctx context.Context) string {
		if err := s.Fetch(ctx, name+"-purchase", deployment); err != nil {
			return err.Error()
		}
		if deployment.Status.ReadyReplicas != n || deployment.Status.Replicas != n || deployment.Status.ObservedGeneration != deployment.Generation {
			return fmt.Sprintf("%d of %d are", deployment.Status.ReadyReplicas, deployment.Status.Replicas)
		}
		pods, err := s.Pods(ctx, "purchase")
		if err != nil {
			return err.Error()
		}
		if len(pods) != int(n) {
			return fmt.Sprintf("there are %d pods", len(pods))
		}
		return ""
	})
}

// TestDeadLettersAreInReach asserts that the consumer's image can look at what was parked,
// with what the pod has.
func TestDeadLettersAreInReach(t *testing.T) {
	s := setup(t)
	pods, err := s.Pods(t.Context(), "consumer")
	must(t, err)
	out, err := s.Exec(t.Context(), pods[0].Name, "/eventflow", "dead-letters", "list")
	must(t, err)
	if !strings.Contains(out, "0 of 0 letters") {
		t.Errorf("the command says %q, want that nothing was parked", out)
	}
}
