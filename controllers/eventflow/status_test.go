package eventflow

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/apply"
	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

var noon = time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)

// makeScope returns a box office in which all is well.
func makeScope() *scope {
	ef := &v1alpha1.EventFlow{ObjectMeta: metav1.ObjectMeta{Name: "boxoffice", Namespace: "eventflow", Generation: 7}}
	ef.Spec.Purchase.Replicas, ef.Spec.Consumer.Replicas, ef.Spec.Analytics.Replicas = 3, 1, 1
	s := newScope(ef, noon)
	for _, store := range storeComponents {
		s.stores[store] = makeStatefulSet(string(store), 1)
	}
	for component, replicas := range map[string]int32{
		manifests.ComponentPurchase: 3, manifests.ComponentConsumer: 1, manifests.ComponentAnalytics: 1,
	} {
		s.deployments[component] = makeDeployment(component, replicas)
	}
	s.health = Health{Accepting: true, Mode: "NORMAL", Stores: map[string]StoreHealth{
		"postgres": {State: "UP"}, "redis": {State: "UP"}, "rabbitmq": {State: "UP"},
	}}
	return s
}

func makeStatefulSet(component string, ready int32) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "boxoffice-" + component, Generation: 2},
		Status:     appsv1.StatefulSetStatus{ObservedGeneration: 2, Replicas: ready, ReadyReplicas: ready, UpdatedReplicas: ready},
	}
}

func makeDeployment(component string, ready int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "boxoffice-" + component, Generation: 2},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: ready, ReadyReplicas: ready, UpdatedReplicas: ready},
	}
}

// summary is a status without its texts: "Type=Status/Reason" for every condition that
// is not as it is when all is well.
func summary(s v1alpha1.EventFlowStatus) []string {
	well := map[string]string{
		v1alpha1.ConditionReady:          "True/Selling",
		v1alpha1.ConditionAcceptingAsync: "False/Confirming",
	}
	unusual := []string{"mode=" + string(s.Mode), "api=" + s.PurchaseReplicas}
	for _, c := range s.Conditions {
		text := string(c.Status) + "/" + c.Reason
		if text != well[c.Type] && text != "True/Running" {
			unusual = append(unusual, c.Type+"="+text)
		}
	}
	return unusual
}

func TestStatus(t *testing.T) {
	t.Parallel()
	lease := func(until time.Time) *v1alpha1.OutageLease {
		return &v1alpha1.OutageLease{Component: v1alpha1.StorePostgres, Holder: "eventflow/blackout/1", Until: until}
	}
	cases := map[string]struct {
		change func(*scope)
		err    error
		want   []string
	}{
		"all is well": {
			change: func(*scope) {},
			want:   []string{"mode=Normal", "api=3/3"},
		},
		"nothing exists yet": {
			change: func(s *scope) { *s = *newScope(s.eventFlow, noon) },
			want: []string{
				"mode=Unavailable", "api=0/3", "Ready=False/NotReady",
				"DatabaseReady=False/NotReady", "CacheReady=False/NotReady", "BrokerReady=False/NotReady",
				"PurchaseReady=False/NotReady", "ConsumerReady=False/NotReady", "AnalyticsReady=False/NotReady",
				"AcceptingAsync=False/NotSelling", "Reconciling=True/Progressing",
			},
		},
		"PostgreSQL is away by a lease": {
			change: func(s *scope) {
				s.lease = lease(noon.Add(time.Minute))
				s.stores[v1alpha1.StorePostgres] = makeStatefulSet("postgres", 0)
				s.health.Mode = "ASYNC"
			},
			want: []string{"mode=Async", "api=3/3", "DatabaseReady=False/Outage", "AcceptingAsync=True/StoreAway"},
		},
		"the lease has just been written, the pod still runs": {
			change: func(s *scope) { s.lease = lease(noon.Add(time.Minute)) },
			want:   []string{"mode=Async", "api=3/3", "DatabaseReady=False/Outage", "AcceptingAsync=True/StoreAway"},
		},
		"PostgreSQL is away by itself": {
			change: func(s *scope) { s.stores[v1alpha1.StorePostgres] = makeStatefulSet("postgres", 0) },
			want: []string{
				"mode=Async", "api=3/3", "DatabaseReady=False/NotReady",
				"AcceptingAsync=True/StoreAway", "Reconciling=True/Progressing",
			},
		},
		"the API cannot reach PostgreSQL, whose pod is ready": {
			change: func(s *scope) { s.health.Stores["postgres"] = StoreHealth{State: "DOWN"} },
			want:   []string{"mode=Async", "api=3/3", "AcceptingAsync=True/StoreAway"},
		},
		"the consumer is behind": {
			change: func(s *scope) { s.health.Mode = "ASYNC" },
			want:   []string{"mode=Async", "api=3/3", "AcceptingAsync=True/ConsumerBehind"},
		},
		"the sale is paused": {
			change: func(s *scope) { s.health.Accepting, s.health.Mode = false, "PAUSED" },
			want:   []string{"mode=Paused", "api=3/3", "Ready=False/SalePaused", "AcceptingAsync=False/NotSelling"},
		},
		"the API does not answer": {
			change: func(s *scope) { s.health, s.healthErr = Health{}, errors.New("timeout") },
			want:   []string{"mode=Unavailable", "api=3/3", "Ready=False/Unreachable", "AcceptingAsync=False/NotSelling"},
		},
		"one of three pods is not ready": {
			change: func(s *scope) { s.deployments[manifests.ComponentPurchase].Status.ReadyReplicas = 2 },
			want:   []string{"mode=Normal", "api=2/3", "PurchaseReady=False/NotReady", "Reconciling=True/Progressing"},
		},
		"more pods are asked for": {
			change: func(s *scope) { s.eventFlow.Spec.Purchase.Replicas = 5 },
			want:   []string{"mode=Normal", "api=3/5", "PurchaseReady=False/Progressing", "Reconciling=True/Progressing"},
		},
		"a Deployment has just been written": {
			change: func(s *scope) {
				s.changes = []apply.Change{{Verb: apply.Changed, Kind: "Deployment", Name: "boxoffice-consumer"}}
			},
			want: []string{"mode=Normal", "api=3/3", "ConsumerReady=False/Progressing", "Reconciling=True/Progressing"},
		},
		"a StatefulSet's status is about an older spec": {
			change: func(s *scope) { s.stores[v1alpha1.StoreRedis].Generation = 3 },
			want:   []string{"mode=Normal", "api=3/3", "CacheReady=False/NotReady", "Reconciling=True/Progressing"},
		},
		"the lease cannot be read": {
			change: func(s *scope) { s.leaseErr = errors.New("not JSON") },
			want:   []string{"mode=Normal", "api=3/3", "Stalled=True/InvalidLease"},
		},
		"stalled": {
			change: func(*scope) {},
			err:    phase.Stall(v1alpha1.ReasonNameTaken, errors.New("taken")),
			want:   []string{"mode=Normal", "api=3/3", "Stalled=True/NameTaken"},
		},
		"waiting": {
			change: func(*scope) {},
			err:    phase.Wait(v1alpha1.ReasonProgressing, "old children are going", time.Second),
			want:   []string{"mode=Normal", "api=3/3", "Reconciling=True/Progressing"},
		},
		"a step failed": {
			change: func(*scope) {},
			err:    errors.New("conflict 123"),
			want:   []string{"mode=Normal", "api=3/3", "Reconciling=True/Retrying"},
		},
		"suspended": {
			change: func(s *scope) {
				s.eventFlow.Spec.Suspend = true
				s.deployments[manifests.ComponentConsumer].Status.ReadyReplicas = 0
			},
			want: []string{"mode=Suspended", "api=3/3", "ConsumerReady=False/NotReady"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := makeScope()
			tc.change(s)
			got := status(s, tc.err)
			if diff := cmp.Diff(tc.want, summary(got)); diff != "" {
				t.Errorf("what is unusual (-want +got):\n%s", diff)
			}
			for _, c := range got.Conditions {
				if c.Message == "" || strings.Contains(c.Message, "\n") || c.ObservedGeneration != 7 {
					t.Errorf("condition %+v lacks a one-line message or the generation", c)
				}
			}
		})
	}
}

// TestStatusIsStable checks that the same world, seen later, gives the same status:
// else every look would be a write.
func TestStatusIsStable(t *testing.T) {
	t.Parallel()
	s := makeScope()
	s.lease = &v1alpha1.OutageLease{Component: v1alpha1.StorePostgres, Holder: "a/b/c", Until: noon.Add(time.Hour)}
	s.eventFlow.Status = status(s, errors.New("first text"))
	s.now = noon.Add(time.Minute)
	if diff := cmp.Diff(s.eventFlow.Status, status(s, errors.New("second text"))); diff != "" {
		t.Errorf("status (-first +second):\n%s", diff)
	}
}

func TestTransientConditionsGo(t *testing.T) {
	t.Parallel()
	s := makeScope()
	s.eventFlow.Status = status(s, phase.Stall(v1alpha1.ReasonNameTaken, errors.New("taken")))
	if diff := cmp.Diff([]string{"mode=Normal", "api=3/3"}, summary(status(s, nil))); diff != "" {
		t.Errorf("what is unusual (-want +got):\n%s", diff)
	}
}

func TestOutageMessageNamesHolderAndEnd(t *testing.T) {
	t.Parallel()
	s := makeScope()
	s.lease = &v1alpha1.OutageLease{Component: v1alpha1.StorePostgres, Holder: "live/blackout/uid", Until: noon.Add(time.Hour)}
	got := storeCondition(s, v1alpha1.ConditionDatabaseReady, v1alpha1.StorePostgres).Message
	if want := "Scaled to zero until 2027-01-10T13:00:00Z for Chaos live/blackout"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

func TestPollInterval(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*scope)
		want   time.Duration
	}{
		"settled":       {change: func(*scope) {}, want: pollSettled},
		"not selling":   {change: func(s *scope) { s.health.Accepting = false }, want: pollUnsettled},
		"in an outage":  {change: func(s *scope) { s.health.Mode = "ASYNC" }, want: pollUnsettled},
		"being changed": {change: func(s *scope) { s.eventFlow.Spec.Consumer.Replicas = 2 }, want: pollUnsettled},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := makeScope()
			tc.change(s)
			s.eventFlow.Status = status(s, nil)
			if got := pollInterval(s.eventFlow); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}
