package fault

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// Outage is one component of one EventFlow that is to be away.
type Outage struct {
	// EventFlow as it was read when the decision was made.
	EventFlow *v1alpha1.EventFlow
	// Lease that asks for the outage.
	Lease v1alpha1.OutageLease
}

// Fault is a way to take a component away. Both methods return once the request is
// made, not once it has been carried out, and both may be repeated.
type Fault interface {
	// Inject asks for the outage. It fails with a conflict where the EventFlow is no
	// longer as it was read.
	Inject(ctx context.Context, outage Outage) error
	// Recover takes the request back. It leaves a request of another holder alone, and
	// succeeds where there is nothing to take back, whether or not what was read is old.
	Recover(ctx context.Context, outage Outage) error
}

// All returns every fault by its action.
func All(c client.Client) map[v1alpha1.FaultAction]Fault {
	return map[v1alpha1.FaultAction]Fault{
		v1alpha1.FaultScaleToZero: ScaleToZero{Client: c},
	}
}
