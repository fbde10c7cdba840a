// Package v1alpha1 holds the custom resources of EventFlow: EventFlow, a box office
// with its stores, and Chaos, an experiment on one. It knows nothing of how they are
// reconciled.
//
// +kubebuilder:object:generate=true
// +groupName=eventflow.dev
package v1alpha1
