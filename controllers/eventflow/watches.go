package eventflow

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// concurrency is how many EventFlows are reconciled at once. A run may wait a second
// for a purchase API that does not answer.
const concurrency = 4

// SetupWithManager starts the reconciler with the manager. It watches EventFlows and
// everything that belongs to one.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("eventflow").
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		For(&v1alpha1.EventFlow{}, builder.WithPredicates(written())).
		Owns(&appsv1.StatefulSet{}).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.Secret{}).
		Owns(&corev1.ConfigMap{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&networkingv1.Ingress{}, builder.WithPredicates(written())).
		Owns(&policyv1.PodDisruptionBudget{}, builder.WithPredicates(written())).
		Complete(r)
}

// written lets pass what somebody has written, and not the news of a status.
func written() predicate.Predicate {
	return predicate.Or[client.Object](
		predicate.GenerationChangedPredicate{},
		predicate.AnnotationChangedPredicate{},
		predicate.LabelChangedPredicate{},
	)
}

// ownedLists are the kinds of children that may be pruned.
func ownedLists() []client.ObjectList {
	return []client.ObjectList{
		&appsv1.StatefulSetList{}, &appsv1.DeploymentList{},
		&corev1.ServiceList{}, &corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.ServiceAccountList{},
		&networkingv1.IngressList{}, &policyv1.PodDisruptionBudgetList{},
	}
}

// CacheByObject keeps out of the cache what the operator has not made.
func CacheByObject() map[client.Object]cache.ByObject {
	managed := cache.ByObject{Label: labels.SelectorFromSet(manifests.ManagedLabels())}
	return map[client.Object]cache.ByObject{
		&appsv1.StatefulSet{}: managed, &appsv1.Deployment{}: managed,
		&corev1.Service{}: managed, &corev1.Secret{}: managed,
		&corev1.ConfigMap{}: managed, &corev1.ServiceAccount{}: managed,
		&corev1.PersistentVolumeClaim{}: managed,
		&networkingv1.Ingress{}:         managed, &policyv1.PodDisruptionBudget{}: managed,
	}
}
