package chaos

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// observe reads the world around a Chaos.
func (r *Reconciler) observe(ctx context.Context, c *v1alpha1.Chaos) (world, error) {
	ef := &v1alpha1.EventFlow{}
	key := types.NamespacedName{Namespace: c.Namespace, Name: c.Spec.EventFlowRef.Name}
	if err := r.Client.Get(ctx, key, ef); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return world{}, nil
		}
		return world{}, fmt.Errorf("get EventFlow %s: %w", key, err)
	}
	w := world{eventFlow: ef}
	w.lease, w.leaseErr = ef.Outage()
	var err error
	if w.component, err = r.observeComponent(ctx, c, ef); err != nil {
		return world{}, err
	}
	w.rival, err = r.findRival(ctx, c)
	return w, err
}

// observeComponent reads the StatefulSet of the component under test, and its claim.
func (r *Reconciler) observeComponent(ctx context.Context, c *v1alpha1.Chaos, ef *v1alpha1.EventFlow) (component, error) {
	set := &appsv1.StatefulSet{}
	key := types.NamespacedName{Namespace: ef.Namespace, Name: manifests.ChildName(ef, string(c.Spec.Fault.Component))}
	if err := r.Client.Get(ctx, key, set); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return component{}, nil
		}
		return component{}, fmt.Errorf("get StatefulSet %s: %w", key, err)
	}
	wanted := int32(1) // what Kubernetes makes of none
	if set.Spec.Replicas != nil {
		wanted = *set.Spec.Replicas
	}
	seen := component{
		uid:       set.UID,
		isSettled: set.Status.ObservedGeneration >= set.Generation && set.DeletionTimestamp.IsZero(),
		wanted:    wanted,
		pods:      set.Status.Replicas,
		ready:     set.Status.ReadyReplicas,
	}
	if !seen.isUp() {
		return seen, nil // the claim counts only where the component serves from it
	}
	var err error
	seen.claimUID, err = r.observeClaim(ctx, set)
	return seen, err
}

// observeClaim returns the UID of the claim of a StatefulSet's first pod, empty where
// there is none. It reads past the cache, which holds only claims with the operator's
// labels, while a restored one may have none; and no more than the metadata.
func (r *Reconciler) observeClaim(ctx context.Context, set *appsv1.StatefulSet) (types.UID, error) {
	if len(set.Spec.VolumeClaimTemplates) == 0 {
		return "", nil
	}
	key := types.NamespacedName{
		Namespace: set.Namespace,
		Name:      set.Spec.VolumeClaimTemplates[0].Name + "-" + set.Name + "-0",
	}
	claim := &metav1.PartialObjectMetadata{}
	claim.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"))
	if err := r.Live.Get(ctx, key, claim); client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("get PersistentVolumeClaim %s: %w", key, err)
	}
	return claim.UID, nil
}

// findRival returns the name of another Chaos on the same EventFlow that has begun and
// not ended. The lease already keeps two outages apart; this keeps the second from
// starting while the first one measures how the component returns.
func (r *Reconciler) findRival(ctx context.Context, c *v1alpha1.Chaos) (string, error) {
	others, err := r.listFor(ctx, c.Namespace, c.Spec.EventFlowRef.Name)
	if err != nil {
		return "", err
	}
	for i := range others {
		other := &others[i]
		if other.UID != c.UID && hasStarted(other) && other.Status.RecoveredAt == nil {
			return other.Name, nil
		}
	}
	return "", nil
}

// listFor returns every Chaos on one EventFlow.
func (r *Reconciler) listFor(ctx context.Context, namespace, eventFlow string) ([]v1alpha1.Chaos, error) {
	list := &v1alpha1.ChaosList{}
	err := r.Client.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{eventFlowField: eventFlow})
	if err != nil {
		return nil, fmt.Errorf("list Chaos on EventFlow %s/%s: %w", namespace, eventFlow, err)
	}
	return list.Items, nil
}
