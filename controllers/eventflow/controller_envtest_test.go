//go:build envtest

package eventflow_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/eventflow"
)

// reaction is how soon the operator must have reacted to a change of the spec.
const reaction = 2 * time.Second

// outage is how long stores are taken away: long enough to look around on a busy
// machine.
const outage = 8 * time.Second

// startup is how long a new box office may take on a busy machine.
const startup = 20 * time.Second

// ready makes a box office and waits until it sells.
func (w world) ready(change func(*v1alpha1.EventFlow)) *v1alpha1.EventFlow {
	w.t.Helper()
	w.create(change)
	w.untilSettled()
	return w.eventFlow()
}

// untilSettled waits until the EventFlow is Ready and the operator has no more to do.
func (w world) untilSettled() {
	w.t.Helper()
	w.eventually("the box office is ready", startup, func() (string, bool) {
		ef := w.eventFlow()
		conditions := ef.Status.Conditions
		return fmt.Sprint(conditions), ef.Status.ObservedGeneration == ef.Generation &&
			meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady) &&
			meta.FindStatusCondition(conditions, v1alpha1.ConditionReconciling) == nil
	})
}

// conditionIs is a condition for eventually.
func (w world) conditionIs(name string, status metav1.ConditionStatus, reason string) func() (string, bool) {
	return func() (string, bool) {
		c := meta.FindStatusCondition(w.eventFlow().Status.Conditions, name)
		return fmt.Sprint(c), c != nil && c.Status == status && c.Reason == reason
	}
}

func (w world) replicas(name string, set client.Object) int32 {
	w.t.Helper()
	w.get(name, set)
	switch set := set.(type) {
	case *appsv1.StatefulSet:
		return ptr.Deref(set.Spec.Replicas, 1)
	case *appsv1.Deployment:
		return ptr.Deref(set.Spec.Replicas, 1)
	default:
		w.t.Fatalf("%T has no replicas", set)
		return 0
	}
}

func TestEmptySpecBecomesBoxOffice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.ready(nil)
	children := map[string]client.Object{
		"boxoffice":             &networkingv1.Ingress{},
		"boxoffice-catalog":     &corev1.ConfigMap{},
		"boxoffice-keys":        &corev1.Secret{},
		"boxoffice-credentials": &corev1.Secret{},
	}
	for _, name := range []string{"boxoffice-purchase", "boxoffice-consumer", "boxoffice-analytics"} {
		children[name] = &appsv1.Deployment{}
	}
	for _, name := range []string{"boxoffice-postgres", "boxoffice-redis", "boxoffice-rabbitmq"} {
		children[name] = &appsv1.StatefulSet{}
		children[name+"-pods"] = &corev1.Service{}
	}
	for name, object := range children {
		if !w.get(name, object) {
			t.Errorf("%T %s does not exist", object, name)
			continue
		}
		if owned := metav1.IsControlledBy(object, ef); owned == (name == "boxoffice-credentials") {
			t.Errorf("%T %s: controlled by the EventFlow is %t", object, name, owned)
		}
	}
	if n := w.replicas("boxoffice-purchase", &appsv1.Deployment{}); n != 3 {
		t.Errorf("%d purchase pods by default, want 3", n)
	}
	if !w.get("boxoffice-purchase", &policyv1.PodDisruptionBudget{}) {
		t.Error("there is no PodDisruptionBudget")
	}
	want := v1alpha1.EventFlowStatus{
		ObservedGeneration: ef.Generation,
		Endpoint:           "http://boxoffice-purchase." + w.namespace + ".svc:8080",
		Mode:               v1alpha1.ModeNormal,
		PurchaseReplicas:   "3/3",
	}
	got := ef.Status
	got.Conditions = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if len(ef.Status.Conditions) != 8 {
		t.Errorf("%d conditions, want 8: %v", len(ef.Status.Conditions), ef.Status.Conditions)
	}
}

func TestReadyOnlyWhenPurchasesAreAccepted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	office.say(w.namespace, eventflow.Health{Mode: "PAUSED"})
	w.create(nil)
	w.eventually("not ready while the sale is paused", startup,
		w.conditionIs(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSalePaused))
	office.say(w.namespace, eventflow.Health{Accepting: true, Mode: "NORMAL"})
	w.eventually("ready when it is open", 2*reaction,
		w.conditionIs(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSelling))
}

func TestSpecChangesReachChildren(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.ready(nil)
	patch(w, ef, func(ef *v1alpha1.EventFlow) {
		ef.Spec.Purchase.Replicas = 5
		ef.Spec.Ingress.Host = "tickets.example.com"
	})
	w.eventually("five purchase pods", reaction, func() (string, bool) {
		n := w.replicas("boxoffice-purchase", &appsv1.Deployment{})
		return strconv.Itoa(int(n)), n == 5
	})
	w.untilSettled()
	if got := w.eventFlow().Status; got.PurchaseReplicas != "5/5" || got.Endpoint != "http://tickets.example.com" {
		t.Errorf("status says %s at %s", got.PurchaseReplicas, got.Endpoint)
	}
	patch(w, w.eventFlow(), func(ef *v1alpha1.EventFlow) { ef.Spec.Ingress.Host = "" })
	w.eventually("a host that is taken back leaves the Ingress", reaction, func() (string, bool) {
		ingress := &networkingv1.Ingress{}
		w.get("boxoffice", ingress)
		return fmt.Sprint(ingress.Spec.Rules), ingress.Spec.Rules[0].Host == ""
	})
}

// TestCredentialsSurvive deletes them in every way that is not final.
func TestCredentialsSurvive(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.ready(nil)
	credentials := &corev1.Secret{}
	w.get("boxoffice-credentials", credentials)
	want := credentials.Data
	if len(want) != 5 {
		t.Fatalf("%d credentials, want 5", len(want))
	}
	again := func() (string, bool) {
		now := &corev1.Secret{}
		return "other or no data", w.get("boxoffice-credentials", now) && cmp.Equal(now.Data, want)
	}
	if err := api.Delete(t.Context(), credentials); err != nil {
		t.Fatal(err)
	}
	patch(w, w.eventFlow(), func(ef *v1alpha1.EventFlow) { ef.Annotations = map[string]string{"wake": "up"} })
	w.eventually("made again from their copies", 2*reaction, again)

	// A new EventFlow of the name must open the old volumes.
	if err := api.Delete(t.Context(), w.eventFlow()); err != nil {
		t.Fatal(err)
	}
	w.collectGarbage()
	w.ready(nil)
	if _, same := again(); !same {
		t.Error("the credentials are others")
	}
}

// collectGarbage deletes what the garbage collector would: everything of the
// namespace that has an owner.
func (w world) collectGarbage() {
	w.t.Helper()
	for _, kind := range []client.Object{
		&appsv1.Deployment{}, &appsv1.StatefulSet{}, &corev1.Service{}, &corev1.ServiceAccount{}, &corev1.ConfigMap{},
		&networkingv1.Ingress{}, &policyv1.PodDisruptionBudget{}, &corev1.Secret{},
	} {
		list := &metav1.PartialObjectMetadataList{}
		gvk, err := api.GroupVersionKindFor(kind)
		if err != nil {
			w.t.Fatal(err)
		}
		list.SetGroupVersionKind(gvk)
		if err := api.List(w.t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			w.t.Fatal(err)
		}
		for i := range list.Items {
			if len(list.Items[i].OwnerReferences) == 0 {
				continue
			}
			if err := api.Delete(w.t.Context(), &list.Items[i]); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func TestEventsTellWhatChanged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.ready(nil)
	w.eventually("events", 2*reaction, func() (string, bool) {
		list := &eventsv1.EventList{}
		if err := api.List(t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			t.Fatal(err)
		}
		var notes []string
		for _, event := range list.Items {
			notes = append(notes, event.Reason+": "+event.Note)
		}
		all := strings.Join(notes, "\n")
		return all, strings.Contains(all, "Applied: Created Secret boxoffice-credentials") &&
			strings.Contains(all, "Selling: Ready: Purchases are accepted")
	})
}
