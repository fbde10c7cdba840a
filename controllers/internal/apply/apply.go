// Package apply brings the children of an object to what is desired: server-side apply
// under one field owner, then pruning. It is the only writer of children. It knows
// nothing of what they are for.
package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// FieldOwner is the name under which the operator applies.
const FieldOwner = client.FieldOwner("eventflow-operator")

// Applier writes the children of one owner.
type Applier struct {
	// Client reads children from the cache and writes them.
	Client client.Client
	// Live reads past the cache, which holds only objects that bear Labels.
	Live client.Reader
	// Owner becomes the controller of every child.
	Owner client.Object
	// Labels are on every child.
	Labels map[string]string
}

// Verb says what happened to a child.
type Verb string

// The verbs.
const (
	Created Verb = "Created"
	Changed Verb = "Changed"
	Deleted Verb = "Deleted"
)

// Change is one child that was written.
type Change struct {
	Verb Verb
	Kind string
	Name string
}

// ForeignError says that an object that bears a child's name is not the owner's. It is
// left alone.
type ForeignError struct {
	// Kind and Name are the object's.
	Kind, Name string
	// Controller is who controls the object, nil where nobody does.
	Controller *metav1.OwnerReference
}

// Error implements error.
func (e *ForeignError) Error() string {
	if e.Controller == nil {
		return fmt.Sprintf("%s %s exists and was not made by this operator: delete or rename it", e.Kind, e.Name)
	}
	return fmt.Sprintf("%s %s exists and is controlled by %s %s: delete or rename it",
		e.Kind, e.Name, e.Controller.Kind, e.Controller.Name)
}

// Apply brings every object to its desired state and returns those that it had to
// write. One object's failure does not keep it from the others. Objects that are as
// desired cost no request.
func (a *Applier) Apply(ctx context.Context, objects ...runtime.ApplyConfiguration) ([]Change, error) {
	var changes []Change
	var errs []error
	for _, object := range objects {
		desired, err := a.desired(object)
		if err != nil {
			return changes, err
		}
		verb, err := a.applyOne(ctx, desired)
		if err != nil {
			errs = append(errs, fmt.Errorf("apply %s %s: %w", desired.GetKind(), desired.GetName(), err))
		}
		if verb != "" {
			changes = append(changes, Change{Verb: verb, Kind: desired.GetKind(), Name: desired.GetName()})
		}
	}
	return changes, errors.Join(errs...)
}

// applyOne returns what it did; the empty verb is nothing.
func (a *Applier) applyOne(ctx context.Context, desired *unstructured.Unstructured) (Verb, error) {
	current, err := a.current(ctx, desired)
	if err != nil {
		return "", err
	}
	verb, version := Created, ""
	if current != nil {
		if err := a.checkOwnership(current, desired.GetKind()); err != nil {
			return "", err
		}
		if current.GetDeletionTimestamp() != nil {
			// It cannot be kept. Its end wakes the reconciler, which makes a new one.
			return "", nil
		}
		if same, err := upToDate(current, desired); err != nil || same {
			return "", err
		}
		verb, version = Changed, current.GetResourceVersion()
	}
	err = a.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(desired), FieldOwner, client.ForceOwnership)
	if err != nil || desired.GetResourceVersion() == version {
		return "", err
	}
	return verb, nil
}

// current returns the object as it is, or nil where there is none. What the cache
// does not know may still exist, without the labels of a child.
func (a *Applier) current(ctx context.Context, desired *unstructured.Unstructured) (client.Object, error) {
	key := client.ObjectKeyFromObject(desired)
	fresh, err := a.Client.Scheme().New(desired.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	object, isObject := fresh.(client.Object)
	if !isObject {
		return nil, fmt.Errorf("%T is no object", fresh)
	}
	err = a.Client.Get(ctx, key, object)
	if !apierrors.IsNotFound(err) {
		return object, err
	}
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(desired.GroupVersionKind())
	err = a.Live.Get(ctx, key, metadata)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return metadata, err
}

// checkOwnership refuses objects of others.
func (a *Applier) checkOwnership(object client.Object, kind string) error {
	controller := metav1.GetControllerOf(object)
	if controller != nil && controller.UID == a.Owner.GetUID() {
		return nil
	}
	if controller == nil && a.isLabelled(object) {
		// An owner that was deleted with --cascade=orphan left it behind.
		return nil
	}
	return &ForeignError{Kind: kind, Name: object.GetName(), Controller: controller}
}

func (a *Applier) isLabelled(object client.Object) bool {
	labels := object.GetLabels()
	for key, value := range a.Labels {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// desired renders the object with its owner and a digest of itself.
func (a *Applier) desired(object runtime.ApplyConfiguration) (*unstructured.Unstructured, error) {
	content, digest, err := render(object)
	if err != nil {
		return nil, fmt.Errorf("render %T: %w", object, err)
	}
	desired := &unstructured.Unstructured{Object: content}
	gvk, err := apiutil.GVKForObject(a.Owner, a.Client.Scheme())
	if err != nil {
		return nil, fmt.Errorf("kind of owner: %w", err)
	}
	desired.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(a.Owner, gvk)})
	annotations := map[string]string{digestAnnotation: digest}
	maps.Copy(annotations, desired.GetAnnotations())
	desired.SetAnnotations(annotations)
	return desired, nil
}
