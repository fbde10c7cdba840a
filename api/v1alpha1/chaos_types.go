package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Chaos is an experiment on an EventFlow: it takes one component away, gives it back,
// and measures how long the way back took. It asks for the outage by a lease that ends
// by itself, so the component returns by the deadline whatever happens to the Chaos.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:selectablefield:JSONPath=`.spec.eventFlowRef.name`
// +kubebuilder:resource:path=chaoses,singular=chaos,shortName=efc,categories=all
// +kubebuilder:printcolumn:name="EVENTFLOW",type=string,JSONPath=`.spec.eventFlowRef.name`,description="The box office under test"
// +kubebuilder:printcolumn:name="FAULT",type=string,JSONPath=`.spec.fault.component`,description="The component that is taken away"
// +kubebuilder:printcolumn:name="ACTION",type=string,JSONPath=`.spec.fault.action`,priority=1,description="How it is taken away"
// +kubebuilder:printcolumn:name="PHASE",type=string,JSONPath=`.status.phase`,description="Where the experiment is"
// +kubebuilder:printcolumn:name="RECOVERY",type=string,JSONPath=`.status.measured.recoverySeconds`,description="Seconds from the end of the outage until the component was ready again"
// +kubebuilder:printcolumn:name="REASON",type=string,JSONPath=`.status.conditions[?(@.type=="Recovered")].message`,priority=1
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type Chaos struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the experiment. It cannot be changed.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="spec: an experiment cannot be changed; create another Chaos, and delete this one to end it early"
	Spec ChaosSpec `json:"spec"`
	// status is what happened. Only the operator writes it.
	// +optional
	Status ChaosStatus `json:"status,omitzero"`
}

// ChaosSpec is the experiment that is wanted.
// +kubebuilder:validation:XValidation:rule="!has(self.deadline) || !self.duration.matches('^([0-9]+(ms|s|m|h))+$') || !self.deadline.matches('^([0-9]+(ms|s|m|h))+$') || duration(self.deadline) > duration(self.duration)",message="deadline: must be longer than duration, or left out for duration plus 60s",fieldPath=".deadline"
type ChaosSpec struct {
	// eventFlowRef names the EventFlow to experiment on, in the same namespace.
	// +required
	EventFlowRef EventFlowReference `json:"eventFlowRef"`
	// fault is what is done to it. When omitted, PostgreSQL is scaled to zero.
	// +optional
	// +kubebuilder:default={}
	Fault FaultSpec `json:"fault,omitzero"`
	// duration is how long the component is away, counted from when its last pod is
	// gone. When omitted, 60s.
	// +optional
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(ms|s|m|h))+$')",message="duration: write it as 90s, 5m or 1h30m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]+(ms|s|m|h))+$') || (duration(self) >= duration('1s') && duration(self) <= duration('24h'))",message="duration: must be between 1s and 24h"
	Duration metav1.Duration `json:"duration,omitzero"`
	// deadline is when the lease on the component ends by itself, counted from
	// status.startedAt: from then on the component is started again even if the Chaos
	// is gone, or its controller dead. When omitted, duration plus 60s, the time that
	// the component has to stop.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(ms|s|m|h))+$')",message="deadline: write it as 90s, 5m or 1h30m"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]+(ms|s|m|h))+$') || duration(self) <= duration('48h')",message="deadline: must be at most 48h"
	Deadline *metav1.Duration `json:"deadline,omitempty"`
	// dryRun makes the experiment say in its status what it would do, and touch
	// nothing. When omitted, the experiment is carried out.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
}

// EventFlowReference names an EventFlow in the same namespace.
type EventFlowReference struct {
	// name of the EventFlow.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
}

// FaultSpec is what is done to which component.
type FaultSpec struct {
	// component is what is taken away. When omitted, postgres.
	// +optional
	// +kubebuilder:default=postgres
	Component StoreComponent `json:"component,omitempty"`
	// action is how it is taken away. When omitted, ScaleToZero.
	// +optional
	// +kubebuilder:default=ScaleToZero
	Action FaultAction `json:"action,omitempty"`
}

// FaultAction is a way to take a component away.
// +kubebuilder:validation:Enum=ScaleToZero
type FaultAction string

// FaultScaleToZero stops every pod of the component and keeps its volume.
const FaultScaleToZero FaultAction = "ScaleToZero"

// ChaosPhase is where an experiment is, in one word. It sums up the conditions for
// people; programs should read the conditions.
// +kubebuilder:validation:Enum=Pending;Injecting;Injected;Recovering;Recovered;NotInjected;DryRun;Stalled
type ChaosPhase string

// The phases.
const (
	// ChaosPending: nothing has been touched yet.
	ChaosPending ChaosPhase = "Pending"
	// ChaosInjecting: the component has been asked to stop.
	ChaosInjecting ChaosPhase = "Injecting"
	// ChaosInjected: the component is away.
	ChaosInjected ChaosPhase = "Injected"
	// ChaosRecovering: the component has been given back and is starting.
	ChaosRecovering ChaosPhase = "Recovering"
	// ChaosRecovered: the component was away and is back.
	ChaosRecovered ChaosPhase = "Recovered"
	// ChaosNotInjected: the deadline passed before the component was away; it runs.
	ChaosNotInjected ChaosPhase = "NotInjected"
	// ChaosDryRun: the experiment only says what it would do.
	ChaosDryRun ChaosPhase = "DryRun"
	// ChaosStalled: the experiment cannot go on until somebody acts; the condition
	// Stalled says on what.
	ChaosStalled ChaosPhase = "Stalled"
)

// ChaosStatus is what happened so far.
type ChaosStatus struct {
	// conditions: Injected and Recovered, and Reconciling or Stalled while they are
	// true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=20
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// phase is where the experiment is, in one word.
	// +optional
	Phase ChaosPhase `json:"phase,omitempty"`
	// original is the component as it was. It is written before anything is touched.
	// +optional
	Original *OriginalComponent `json:"original,omitempty"`
	// startedAt is when the experiment began: original had been recorded and nothing
	// touched. The deadline counts from here.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`
	// deadline is when the lease on the component ends by itself.
	// +optional
	Deadline *metav1.MicroTime `json:"deadline,omitempty"`
	// injectedAt is when the controller saw that the component's last pod was gone.
	// The duration counts from here.
	// +optional
	InjectedAt *metav1.MicroTime `json:"injectedAt,omitempty"`
	// recoveringAt is when the outage was over, by its duration, its deadline, or
	// because the lease was taken away.
	// +optional
	RecoveringAt *metav1.MicroTime `json:"recoveringAt,omitempty"`
	// recoveredAt is when the controller saw the component back in its original size.
	// +optional
	RecoveredAt *metav1.MicroTime `json:"recoveredAt,omitempty"`
	// measured is what the experiment found out. It is absent where the component was
	// never seen away.
	// +optional
	Measured *ChaosMeasurements `json:"measured,omitempty"`
}

// OriginalComponent is a component as it was before the experiment.
type OriginalComponent struct {
	// replicas is how many pods it had.
	// +required
	// +kubebuilder:validation:Minimum=1
	Replicas int32 `json:"replicas"`
	// statefulSetUID identifies its StatefulSet.
	// +required
	StatefulSetUID types.UID `json:"statefulSetUID"` //nolint:tagliatelle // Kubernetes writes initialisms in capitals
	// pvcUID identifies the PersistentVolumeClaim of its first pod. The experiment
	// counts as recovered only with the same volume. Empty where it has none.
	// +optional
	PVCUID types.UID `json:"pvcUID,omitempty"` //nolint:tagliatelle // Kubernetes writes initialisms in capitals
}

// ChaosMeasurements is what an experiment found out.
type ChaosMeasurements struct {
	// recoverySeconds is the time from recoveringAt to recoveredAt, rounded up: from
	// the end of the outage until the component was ready, as the controller saw it.
	// +required
	// +kubebuilder:validation:Minimum=0
	RecoverySeconds int64 `json:"recoverySeconds"`
}

// ChaosList is a list of Chaos objects.
// +kubebuilder:object:root=true
type ChaosList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Chaos `json:"items"`
}
