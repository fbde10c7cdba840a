//go:build envtest

package eventflow_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

func TestChildrenAreSetRight(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		object client.Object
		name   string
		edit   func(client.Object)
		isFine func(client.Object) bool
	}{
		"Deployment scaled": {
			object: &appsv1.Deployment{}, name: "boxoffice-purchase",
			edit:   func(o client.Object) { o.(*appsv1.Deployment).Spec.Replicas = ptr.To[int32](1) },
			isFine: func(o client.Object) bool { return *o.(*appsv1.Deployment).Spec.Replicas == 3 },
		},
		"StatefulSet with another image": {
			object: &appsv1.StatefulSet{}, name: "boxoffice-redis",
			edit: func(o client.Object) { o.(*appsv1.StatefulSet).Spec.Template.Spec.Containers[0].Image = "evil" },
			isFine: func(o client.Object) bool {
				return o.(*appsv1.StatefulSet).Spec.Template.Spec.Containers[0].Image == "redis:8"
			},
		},
		"Service with another selector": {
			object: &corev1.Service{}, name: "boxoffice-postgres",
			edit: func(o client.Object) { o.(*corev1.Service).Spec.Selector["app.kubernetes.io/name"] = "nobody" },
			isFine: func(o client.Object) bool {
				return o.(*corev1.Service).Spec.Selector["app.kubernetes.io/name"] == "postgres"
			},
		},
		"Secret with another password": {
			object: &corev1.Secret{}, name: "boxoffice-postgres",
			edit:   func(o client.Object) { o.(*corev1.Secret).Data["password"] = []byte("guessed") },
			isFine: func(o client.Object) bool { return string(o.(*corev1.Secret).Data["password"]) != "guessed" },
		},
		"ConfigMap emptied": {
			object: &corev1.ConfigMap{}, name: "boxoffice-redis",
			edit:   func(o client.Object) { o.(*corev1.ConfigMap).Data = nil },
			isFine: func(o client.Object) bool { return len(o.(*corev1.ConfigMap).Data) > 0 },
		},
		"label taken off": {
			object: &corev1.ServiceAccount{}, name: "boxoffice-consumer",
			edit:   func(o client.Object) { o.SetLabels(nil) },
			isFine: func(o client.Object) bool { return len(o.GetLabels()) > 0 },
		},
		"Ingress deleted":             {object: &networkingv1.Ingress{}, name: "boxoffice"},
		"Deployment deleted":          {object: &appsv1.Deployment{}, name: "boxoffice-consumer"},
		"StatefulSet deleted":         {object: &appsv1.StatefulSet{}, name: "boxoffice-rabbitmq"},
		"Secret deleted":              {object: &corev1.Secret{}, name: "boxoffice-redis"},
		"PodDisruptionBudget deleted": {object: &policyv1.PodDisruptionBudget{}, name: "boxoffice-purchase"},
	}
	w := setup(t)
	w.ready(nil)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world{t: t, namespace: w.namespace}
			w.get(tc.name, tc.object)
			uid, original := tc.object.GetUID(), tc.object.DeepCopyObject().(client.Object)
			if tc.edit != nil {
				patch(w, tc.object, tc.edit)
			} else if err := api.Delete(t.Context(), tc.object); err != nil {
				t.Fatal(err)
			}
			w.eventually("set right", 2*reaction, func() (string, bool) {
				again := original.DeepCopyObject().(client.Object)
				if !w.get(tc.name, again) {
					return "gone", false
				}
				if tc.edit == nil {
					return "the old one", again.GetUID() != uid
				}
				return "edited", tc.isFine(again)
			})
			if secret, isSecret := original.(*corev1.Secret); isSecret {
				again := &corev1.Secret{}
				w.get(tc.name, again)
				if diff := cmp.Diff(secret.Data, again.Data); diff != "" {
					t.Error("the Secret came back with other contents")
				}
			}
		})
	}
}

func TestIdleWorldIsNotWritten(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.ready(func(ef *v1alpha1.EventFlow) {
		ef.Spec.Catalog.Events = []v1alpha1.CatalogEvent{{
			ID: "aurora", Name: "Aurora", StartsAt: metav1.NewTime(time.Unix(1_800_000_000, 0)),
			Tiers: []v1alpha1.CatalogTier{{ID: "general", Name: "General", Price: v1alpha1.CatalogPrice{Amount: 4500, Currency: "EUR"}, Capacity: 10}},
		}}
	})
	before, wrote, asked := w.versions(), writes.of(w.namespace), office.count(w.namespace)
	patch(w, w.eventFlow(), func(ef *v1alpha1.EventFlow) { ef.Annotations = map[string]string{"wake": "up"} })
	w.eventually("two more runs", 15*time.Second, func() (string, bool) {
		n := office.count(w.namespace) - asked
		return strconv.Itoa(n), n >= 2
	})
	if diff := cmp.Diff(wrote, writes.of(w.namespace)); diff != "" {
		t.Errorf("the operator wrote (+):\n%s", diff)
	}
	if diff := cmp.Diff(before, w.versions()); diff != "" {
		t.Errorf("resource versions changed (-before +after):\n%s", diff)
	}
}

// versions returns the resource versions of all children.
func (w world) versions() map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for _, kind := range []client.Object{
		&appsv1.Deployment{}, &appsv1.StatefulSet{}, &corev1.Service{}, &corev1.ServiceAccount{}, &corev1.ConfigMap{},
		&networkingv1.Ingress{}, &policyv1.PodDisruptionBudget{}, &corev1.Secret{},
	} {
		gvk, err := api.GroupVersionKindFor(kind)
		if err != nil {
			w.t.Fatal(err)
		}
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk)
		if err := api.List(w.t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			w.t.Fatal(err)
		}
		for _, item := range list.Items {
			found[gvk.Kind+" "+item.Name] = item.ResourceVersion
		}
	}
	return found
}

func TestForeignObjectsAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	foreign := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "boxoffice-redis"},
		Data:       map[string]string{"mine": "yes"},
	}
	if err := api.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	w.create(nil)
	w.eventually("stalled", startup, w.conditionIs(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNameTaken))
	again := &corev1.ConfigMap{}
	w.get(foreign.Name, again)
	if diff := cmp.Diff(foreign.Data, again.Data); diff != "" {
		t.Errorf("the ConfigMap was touched (-want +got):\n%s", diff)
	}
	if err := api.Delete(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	w.eventually("goes on once the name is free", startup,
		w.conditionIs(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSelling))
}

func TestUnwantedChildrenArePruned(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.ready(nil)
	purchase := &corev1.Service{}
	w.get("boxoffice-purchase", purchase)
	add := func(name string, owners []metav1.OwnerReference) {
		service := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: purchase.Labels, OwnerReferences: owners},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
		}
		if err := api.Create(t.Context(), service); err != nil {
			t.Fatal(err)
		}
	}
	add("from-an-older-version", []metav1.OwnerReference{*metav1.NewControllerRef(ef, v1alpha1.GroupVersion.WithKind("EventFlow"))})
	add("somebody-elses", nil)
	w.eventually("pruned", 2*reaction, func() (string, bool) {
		return "still there", !w.get("from-an-older-version", &corev1.Service{})
	})
	if !w.get("somebody-elses", &corev1.Service{}) {
		t.Error("a Service that the EventFlow does not own was deleted")
	}
}
