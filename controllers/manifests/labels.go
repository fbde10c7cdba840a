package manifests

import "github.com/eventflow-dev/eventflow/api/v1alpha1"

// The labels of every child, as Kubernetes recommends them.
const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelPartOf    = "app.kubernetes.io/part-of"
	labelManagedBy = "app.kubernetes.io/managed-by"

	partOf    = "eventflow"
	managedBy = "eventflow-operator"
)

// The annotations of children.
const (
	// AnnotationOutage on a store's StatefulSet names the holder of the outage lease
	// that it is scaled to zero for.
	AnnotationOutage = "eventflow.dev/outage-holder"
	// annotationConfig on a pod template changes with the files that the pod mounts,
	// so that a change of them rolls the pods.
	annotationConfig = "eventflow.dev/config-hash"
)

// ManagedLabels are on every object that the operator manages, of any EventFlow.
func ManagedLabels() map[string]string { return map[string]string{labelManagedBy: managedBy} }

// InstanceLabels are on every object of one EventFlow.
func InstanceLabels(ef *v1alpha1.EventFlow) map[string]string {
	return map[string]string{labelManagedBy: managedBy, labelPartOf: partOf, labelInstance: ef.Name}
}

// labels are on every object of one component.
func labels(ef *v1alpha1.EventFlow, component string) map[string]string {
	set := InstanceLabels(ef)
	set[labelName] = component
	set[labelComponent] = component
	return set
}

// selector finds the pods of one component. It cannot change once a workload exists.
func selector(ef *v1alpha1.EventFlow, component string) map[string]string {
	return map[string]string{labelName: component, labelInstance: ef.Name}
}
