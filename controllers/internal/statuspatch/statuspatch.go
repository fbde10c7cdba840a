// Package statuspatch writes the status of an object once at the end of a reconcile,
// and only when it has changed. It knows nothing of what a status says.
package statuspatch

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patcher remembers an object as it was read.
type Patcher struct {
	client client.Client
	before client.Object
}

// New returns a Patcher for the object as it is now.
func New(c client.Client, object client.Object) *Patcher {
	return &Patcher{client: c, before: object.DeepCopyObject().(client.Object)}
}

// Patch writes the status of the object where it differs from what was read. The
// object may have gone in the meantime. Where it has changed, the view that the status
// was made from is an old one, and the error is a conflict.
func (p *Patcher) Patch(ctx context.Context, object client.Object) error {
	if equality.Semantic.DeepEqual(p.before, object) {
		return nil
	}
	err := p.client.Status().Patch(ctx, object, client.MergeFromWithOptions(p.before, client.MergeFromWithOptimisticLock{}))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patch status of %s: %w", client.ObjectKeyFromObject(object), err)
	}
	return nil
}
