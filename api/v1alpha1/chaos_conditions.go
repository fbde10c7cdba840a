package v1alpha1

// ChaosFinalizer keeps a Chaos until what it took away has been given back, or its
// deadline has passed.
const ChaosFinalizer = "eventflow.dev/chaos"

// Condition types of a Chaos, besides Reconciling and Stalled. Both are always
// present.
const (
	// ConditionInjected says whether the component was seen away. Once True it stays
	// True: it is a milestone of the experiment, not the present state.
	ConditionInjected = "Injected"
	// ConditionRecovered says whether the component is back in its original size, on
	// its original volume.
	ConditionRecovered = "Recovered"
)

// Reasons of a Chaos's conditions. Events carry the same reasons.
const (
	// ReasonEventFlowNotFound: the EventFlow does not exist. Create it, or delete the
	// Chaos.
	ReasonEventFlowNotFound = "EventFlowNotFound"
	// ReasonEventFlowSuspended: nobody carries out an outage of a suspended EventFlow.
	// Set its spec.suspend to false.
	ReasonEventFlowSuspended = "EventFlowSuspended"
	// ReasonComponentNotReady: the component is not running in full, so there is
	// nothing sound to take away.
	ReasonComponentNotReady = "ComponentNotReady"
	// ReasonOutageTaken: another holder has an outage on the EventFlow. The Chaos
	// starts when that is over.
	ReasonOutageTaken = "OutageTaken"
	// ReasonStarting: the original has been recorded; nothing has been touched yet.
	ReasonStarting = "Starting"
	// ReasonStopping: the lease is written and the component's pods are stopping.
	ReasonStopping = "Stopping"
	// ReasonScaledToZero: the component was seen without pods.
	ReasonScaledToZero = "ScaledToZero"
	// ReasonDurationOver: the outage has lasted its duration.
	ReasonDurationOver = "DurationOver"
	// ReasonDeadlinePassed: the lease has ended by itself.
	ReasonDeadlinePassed = "DeadlinePassed"
	// ReasonLeaseTakenAway: somebody other than the Chaos ended the outage early.
	ReasonLeaseTakenAway = "LeaseTakenAway"
	// ReasonReturning: the lease is gone and the component is starting.
	ReasonReturning = "Returning"
	// ReasonReturned: the component is back in its original size, on its volume.
	ReasonReturned = "Returned"
	// ReasonVolumeReplaced: the component is back on another volume than before. Its
	// data are not those from before the experiment.
	ReasonVolumeReplaced = "VolumeReplaced"
	// ReasonDryRun: the condition's message says what would be done.
	ReasonDryRun = "DryRun"
	// ReasonDeleted: the Chaos was deleted, which ends its outage.
	ReasonDeleted = "Deleted"
)
