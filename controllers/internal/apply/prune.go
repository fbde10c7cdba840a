package apply

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Identified is what Prune needs to know of a desired object. Every apply
// configuration of client-go has it.
type Identified interface {
	GetKind() *string
	GetName() *string
}

// Prune deletes the owner's children, of the kinds of the lists, that are not among
// the desired ones. Objects that the owner does not control are never deleted,
// whatever their labels say.
func (a *Applier) Prune(ctx context.Context, kinds []client.ObjectList, desired []Identified) ([]Change, error) {
	keep := map[Change]bool{}
	for _, d := range desired {
		keep[Change{Kind: ptr.Deref(d.GetKind(), ""), Name: ptr.Deref(d.GetName(), "")}] = true
	}
	var changes []Change
	var errs []error
	for _, list := range kinds {
		err := a.Client.List(ctx, list, client.InNamespace(a.Owner.GetNamespace()), client.MatchingLabels(a.Labels))
		if err != nil {
			return changes, fmt.Errorf("list %T: %w", list, err)
		}
		err = meta.EachListItem(list, func(item runtime.Object) error {
			deleted, err := a.pruneOne(ctx, item, keep)
			changes = append(changes, deleted...)
			return err
		})
		errs = append(errs, err)
	}
	return changes, errors.Join(errs...)
}

func (a *Applier) pruneOne(ctx context.Context, item runtime.Object, keep map[Change]bool) ([]Change, error) {
	object, isObject := item.(client.Object)
	if !isObject || !metav1.IsControlledBy(object, a.Owner) || object.GetDeletionTimestamp() != nil {
		return nil, nil
	}
	gvk, err := apiutil.GVKForObject(object, a.Client.Scheme())
	if err != nil {
		return nil, err
	}
	if keep[Change{Kind: gvk.Kind, Name: object.GetName()}] {
		return nil, nil
	}
	uid := object.GetUID()
	err = a.Client.Delete(ctx, object,
		client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("delete %s %s: %w", gvk.Kind, object.GetName(), err)
	}
	return []Change{{Verb: Deleted, Kind: gvk.Kind, Name: object.GetName()}}, nil
}
