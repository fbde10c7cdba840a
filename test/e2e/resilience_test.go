//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
	"github.com/eventflow-dev/eventflow/test/framework/cluster"
)

// outage is how long the test's Chaos keeps PostgreSQL away.
const outage = 20 * time.Second

// TestResilience is the original end-to-end test: stop the database, buy five times,
// get ACCEPTED_ASYNC five times, start it, see CONSUMER SUCCESS five times.
func TestResilience(t *testing.T) {
	s := setup(t)
	run := fmt.Sprintf("e2e-%d", time.Now().Unix())
	healthy := s.buyConfirmed(t, run+"-healthy@example.com")
	before := s.observe(t)
	t.Logf("healthy purchase: %d %s by %s", healthy.Status, healthy.Body.State(), healthy.Node())

	chaos := s.startOutage(t, run)
	began := time.Now()
	s.seesDatabaseDown(t)
	orders := s.buyFive(t, run)
	s.readsStaleEvents(t, began)
	for _, id := range orders {
		s.orderIs(t, id, "ACCEPTED")
	}
	s.purchasePodsStayReady(t, before)

	s.endOfOutage(t, chaos)
	s.consumerConfirms(t, orders, began)
	s.ledgerAddsUp(t, before, orders)
	for _, id := range orders {
		s.until(t, 30*time.Second, "order "+id+" is CONFIRMED by the API", func(ctx context.Context) string {
			return s.orderState(ctx, id, "CONFIRMED")
		})
	}
	s.purchasePodsStayReady(t, before)
	if !t.Failed() {
		fmt.Println("--- TEST E2E DE RESILIENCIA FINALIZADO CON ÉXITO ---")
	}
}

// world is what must be the same, or must add up, after the outage.
type world struct {
	volume    string
	available int
	pods      map[string]int // purchase pods and their restarts
}

func (s suite) observe(t *testing.T) world {
	t.Helper()
	w := world{volume: s.volumeUID(t), pods: map[string]int{}}
	w.available = s.agree(t, eventID)
	pods, err := s.Pods(t.Context(), "purchase")
	must(t, err)
	for _, pod := range pods {
		w.pods[pod.Name] = cluster.Restarts(pod)
	}
	if len(w.pods) != 3 {
		t.Fatalf("there are %d purchase pods, want 3", len(w.pods))
	}
	return w
}

func (s suite) volumeUID(t *testing.T) string {
	t.Helper()
	claims := &corev1.PersistentVolumeClaimList{}
	must(t, s.List(t.Context(), claims, client.InNamespace(s.Namespace), client.MatchingLabels{"app.kubernetes.io/component": "postgres"}))
	if len(claims.Items) != 1 {
		t.Fatalf("PostgreSQL has %d volume claims, want 1", len(claims.Items))
	}
	return string(claims.Items[0].UID)
}

func (s suite) buyConfirmed(t *testing.T, email string) boxoffice.Answer[boxoffice.Order] {
	t.Helper()
	answer, err := s.office.Buy(t.Context(), boxoffice.Purchase{EventID: eventID, Tier: tierID, Quantity: 1, Email: email})
	must(t, err)
	if answer.Status != http.StatusCreated && answer.Status != http.StatusAccepted {
		t.Fatalf("purchase with the database up answered %d: %s", answer.Status, answer.Raw)
	}
	s.until(t, 30*time.Second, "the healthy purchase is CONFIRMED", func(ctx context.Context) string {
		return s.orderState(ctx, answer.Body.OrderID, "CONFIRMED")
	})
	return answer
}

func (s suite) startOutage(t *testing.T, run string) *v1alpha1.Chaos {
	t.Helper()
	chaos := &v1alpha1.Chaos{
		ObjectMeta: metav1.ObjectMeta{Name: run, Namespace: s.Namespace},
		Spec: v1alpha1.ChaosSpec{
			EventFlowRef: v1alpha1.EventFlowReference{Name: name},
			Fault:        v1alpha1.FaultSpec{Component: v1alpha1.StorePostgres, Action: v1alpha1.FaultScaleToZero},
			Duration:     metav1.Duration{Duration: outage},
		},
	}
	must(t, s.Create(t.Context(), chaos))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		must(t, client.IgnoreNotFound(s.Delete(ctx, chaos)))
	})
	s.until(t, time.Minute, "the Chaos is Injected", func(ctx context.Context) string { return s.chaosIs(ctx, run, v1alpha1.ConditionInjected) })
	return chaos
}

func (s suite) chaosIs(ctx context.Context, chaosName, kind string) string {
	chaos := &v1alpha1.Chaos{}
	if err := s.Fetch(ctx, chaosName, chaos); err != nil {
		return err.Error()
	}
	if !apimeta.IsStatusConditionTrue(chaos.Status.Conditions, kind) {
		return fmt.Sprintf("%s is not True: %+v", kind, chaos.Status.Conditions)
	}
	return ""
}

// seesDatabaseDown asserts that the pod is gone and that the pods' probe says DOWN.
func (s suite) seesDatabaseDown(t *testing.T) {
	t.Helper()
	pods, err := s.Pods(t.Context(), "postgres")
	must(t, err)
	if len(pods) != 0 {
		t.Fatalf("PostgreSQL still has pod %s", pods[0].Name)
	}
	s.until(t, 10*time.Second, "/health says that PostgreSQL is DOWN", func(ctx context.Context) string {
		answer, err := s.office.Health(ctx)
		if err != nil {
			return err.Error()
		}
		if store := answer.Body.Stores["postgres"]; store.State != "DOWN" {
			return "postgres is " + answer.Raw
		}
		return ""
	})
}

func (s suite) buyFive(t *testing.T, run string) []string {
	t.Helper()
	var orders []string
	for i := range 5 {
		answer, err := s.office.Buy(t.Context(), boxoffice.Purchase{
			EventID: eventID, Tier: tierID, Quantity: 2, Email: fmt.Sprintf("%s-%d@example.com", run, i), Name: "Ada",
		})
		must(t, err)
		t.Logf("purchase %d during the outage: %d %s by %s", i+1, answer.Status, strings.TrimSpace(answer.Raw), answer.Node())
		if answer.Status != http.StatusAccepted || answer.Body.State() != "ACCEPTED_ASYNC" {
			t.Fatalf("purchase %d answered %d: %s; want 202 ACCEPTED_ASYNC", i+1, answer.Status, answer.Raw)
		}
		orders = append(orders, answer.Body.OrderID)
	}
	return orders
}

func (s suite) readsStaleEvents(t *testing.T, began time.Time) {
	t.Helper()
	s.until(t, 15*time.Second, "events are readable, and marked stale", func(ctx context.Context) string {
		answer, err := s.office.Event(ctx, eventID)
		if err != nil {
			return err.Error()
		}
		if answer.Status != http.StatusOK || !answer.Body.Stale || answer.Body.AsOf.IsZero() {
			return fmt.Sprintf("%d %s", answer.Status, answer.Raw)
		}
		if answer.Body.AsOf.After(began.Add(15 * time.Second)) {
			return "as_of is " + answer.Body.AsOf.String() + ", in the outage"
		}
		return ""
	})
}

func (s suite) orderState(ctx context.Context, id, want string) string {
	answer, err := s.office.Order(ctx, id)
	if err != nil {
		return err.Error()
	}
	if answer.Status != http.StatusOK || answer.Body.State() != want {
		return fmt.Sprintf("%d %s", answer.Status, answer.Raw)
	}
	return ""
}

func (s suite) orderIs(t *testing.T, id, want string) {
	t.Helper()
	if problem := s.orderState(t.Context(), id, want); problem != "" {
		t.Errorf("order %s is not %s: %s", id, want, problem)
	}
}

func (s suite) purchasePodsStayReady(t *testing.T, before world) {
	t.Helper()
	pods, err := s.Pods(t.Context(), "purchase")
	must(t, err)
	for _, pod := range pods {
		restarts, known := before.pods[pod.Name]
		if !known || !cluster.Ready(pod) || cluster.Restarts(pod) != restarts {
			t.Errorf("purchase pod %s: known %v, ready %v, %d restarts (%d before)", pod.Name, known, cluster.Ready(pod), cluster.Restarts(pod), restarts)
		}
	}
	if len(pods) != len(before.pods) {
		t.Errorf("there are %d purchase pods, %d before", len(pods), len(before.pods))
	}
}

func (s suite) endOfOutage(t *testing.T, chaos *v1alpha1.Chaos) {
	t.Helper()
	s.until(t, outage+90*time.Second, "the Chaos is Recovered", func(ctx context.Context) string {
		return s.chaosIs(ctx, chaos.Name, v1alpha1.ConditionRecovered)
	})
	set := &appsv1.StatefulSet{}
	must(t, s.Fetch(t.Context(), name+"-postgres", set))
	if set.Status.ReadyReplicas != 1 {
		t.Errorf("PostgreSQL has %d ready replicas, want 1", set.Status.ReadyReplicas)
	}
}

// consumerConfirms waits for the consumer's CONSUMER SUCCESS lines: exactly those orders, once each.
func (s suite) consumerConfirms(t *testing.T, orders []string, since time.Time) {
	t.Helper()
	want := slices.Sorted(slices.Values(orders))
	s.until(t, time.Minute, "CONSUMER SUCCESS for exactly the five orders", func(ctx context.Context) string {
		lines, err := s.Logs(ctx, "consumer", since)
		if err != nil {
			return err.Error()
		}
		got := successes(lines)
		if !slices.Equal(got, want) {
			return fmt.Sprintf("the log has %v, want %v", got, want)
		}
		return ""
	})
}

// successes returns the order ids of the CONSUMER SUCCESS lines, sorted, with repetitions.
func successes(lines []string) []string {
	var ids []string
	for _, line := range lines {
		var entry struct{ Msg, OrderID string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "CONSUMER SUCCESS" {
			ids = append(ids, entry.OrderID)
		}
	}
	slices.Sort(ids)
	return ids
}

// ledgerAddsUp looks into the database: every order once and CONFIRMED, and stock,
// sold seats and capacity agree; and the volume is the one from before.
func (s suite) ledgerAddsUp(t *testing.T, before world, orders []string) {
	t.Helper()
	rows, err := s.SQL(t.Context(), name, fmt.Sprintf(
		"SELECT order_id, status, count(*), sum(quantity) FROM orders WHERE order_id IN ('%s') GROUP BY 1, 2 ORDER BY 1", strings.Join(orders, "','")))
	must(t, err)
	var want []string
	for _, id := range slices.Sorted(slices.Values(orders)) {
		want = append(want, id+"|CONFIRMED|1|2")
	}
	if !slices.Equal(rows, want) {
		t.Errorf("the ledger has %v, want %v", rows, want)
	}
	if available := s.agree(t, eventID); available != before.available-10 {
		t.Errorf("%d seats are left, %d before the five orders of two", available, before.available)
	}
	if uid := s.volumeUID(t); uid != before.volume {
		t.Errorf("PostgreSQL's volume claim is %s, was %s", uid, before.volume)
	}
}

// agree waits until the ledger's count of sold seats of the event's first tier, the sum of
// its orders and the stock that every pod serves add up, and returns how many seats are left.
func (s suite) agree(t *testing.T, event string) int {
	t.Helper()
	left := 0
	s.until(t, 30*time.Second, "stock, sold seats and capacity add up", func(ctx context.Context) string {
		sums, err := s.SQL(ctx, name, fmt.Sprintf(
			"SELECT t.capacity, t.sold, coalesce(sum(o.quantity), 0) FROM tiers t LEFT JOIN orders o ON o.event_id = t.event_id AND o.tier_id = t.id AND o.status = 'CONFIRMED' "+
				"WHERE t.event_id = '%s' AND t.position = 0 GROUP BY 1, 2", event))
		if err != nil {
			return err.Error()
		}
		for range 3 { // the ingress goes round the pods
			available, capacity, err := s.available(ctx, event)
			if err != nil {
				return err.Error()
			}
			if expected := fmt.Sprintf("%d|%d|%d", capacity, capacity-available, capacity-available); len(sums) != 1 || sums[0] != expected {
				return fmt.Sprintf("capacity|sold|sum of orders is %v, the API's stock makes it %s", sums, expected)
			}
			left = available
		}
		return ""
	})
	return left
}
