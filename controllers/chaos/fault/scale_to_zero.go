package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// fieldOwner is the manager under which the lease is written, so that it can be told
// from what users and other controllers write on the EventFlow.
const fieldOwner = client.FieldOwner("eventflow-chaos")

// ScaleToZero asks the EventFlow controller, by a lease on the EventFlow, to scale the
// component to zero.
type ScaleToZero struct {
	// Client writes the lease.
	Client client.Client
}

var _ Fault = ScaleToZero{}

// Inject writes the lease over the one that the EventFlow was read with, if any.
func (f ScaleToZero) Inject(ctx context.Context, outage Outage) error {
	text, err := outage.Lease.Encode()
	if err != nil {
		return err
	}
	changed := outage.EventFlow.DeepCopy()
	if changed.Annotations == nil {
		changed.Annotations = map[string]string{}
	}
	changed.Annotations[v1alpha1.OutageAnnotation] = text
	// The lock makes sure that nobody has taken the lease since it was seen free.
	patch := client.MergeFromWithOptions(outage.EventFlow, client.MergeFromWithOptimisticLock{})
	if err := f.Client.Patch(ctx, changed, patch, fieldOwner); err != nil {
		return fmt.Errorf("write outage lease on EventFlow %s: %w", client.ObjectKeyFromObject(changed), err)
	}
	return nil
}

// Recover removes the lease if it is still that of the outage. The API server itself
// compares, so that a lease that this process has written but not yet read back is
// removed as well.
func (f ScaleToZero) Recover(ctx context.Context, outage Outage) error {
	own, err := outage.Lease.Encode()
	if err != nil {
		return err
	}
	seen, err := outage.EventFlow.Outage()
	if err == nil && seen != nil && seen.Holder == outage.Lease.Holder {
		own = outage.EventFlow.Annotations[v1alpha1.OutageAnnotation]
	}
	patch, err := removeLease(own)
	if err != nil {
		return err
	}
	err = f.Client.Patch(ctx, outage.EventFlow.DeepCopy(), patch, fieldOwner)
	switch {
	case err == nil, apierrors.IsNotFound(err), isDifferent(err):
		return nil
	default:
		return fmt.Errorf("take outage lease back from EventFlow %s: %w", client.ObjectKeyFromObject(outage.EventFlow), err)
	}
}

// isDifferent reports whether the comparison in a JSON patch failed. The API server
// answers that as it answers an object that its schema refuses, but for that one it
// names the kind.
func isDifferent(err error) bool {
	var answer apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &answer) {
		return false
	}
	details := answer.Status().Details
	return details == nil || details.Kind == ""
}

// removeLease renders a JSON patch that removes the annotation if it has the value.
func removeLease(value string) (client.Patch, error) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value,omitempty"`
	}
	path := "/metadata/annotations/" + strings.ReplaceAll(v1alpha1.OutageAnnotation, "/", "~1")
	data, err := json.Marshal([]operation{
		{Op: "test", Path: path, Value: value},
		{Op: "remove", Path: path},
	})
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	return client.RawPatch(types.JSONPatchType, data), nil
}
