package apply

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Scale changes nothing of a StatefulSet but its replicas, and takes an annotation
// off. It is for when the rest must not be touched.
func (a *Applier) Scale(ctx context.Context, set *appsv1.StatefulSet, replicas int32, dropAnnotation string) (Change, error) {
	scaled := set.DeepCopy()
	scaled.Spec.Replicas = new(replicas)
	delete(scaled.Annotations, dropAnnotation)
	if err := a.Client.Patch(ctx, scaled, client.MergeFrom(set), FieldOwner); err != nil {
		return Change{}, fmt.Errorf("scale StatefulSet %s to %d: %w", set.Name, replicas, err)
	}
	return Change{Verb: Changed, Kind: "StatefulSet", Name: set.Name}, nil
}
