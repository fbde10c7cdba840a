package manifests

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// storeUserID is the user that all three store images run as.
const storeUserID = 999

// dataVolume is the name of a store's volume.
const dataVolume = "data"

// store is one store in a single pod with a volume.
type store struct {
	component v1alpha1.StoreComponent
	spec      v1alpha1.StoreSpec
	pod       pod
}

// statefulSet renders the store's StatefulSet: one replica, or none while an outage
// lease on the store is in force. Nothing else decides about its replicas.
func (s store) statefulSet(in Input) *appsv1ac.StatefulSetApplyConfiguration {
	ef, name := in.EventFlow, string(s.component)
	replicas := int32(1)
	set := appsv1ac.StatefulSet(ChildName(ef, name), ef.Namespace).WithLabels(labels(ef, name))
	if in.Outage != nil && in.Outage.Component == s.component {
		replicas = 0
		set.WithAnnotations(map[string]string{AnnotationOutage: in.Outage.Holder})
	}
	return set.WithSpec(appsv1ac.StatefulSetSpec().
		WithReplicas(replicas).
		WithServiceName(governingName(ef, name)).
		WithPodManagementPolicy(appsv1.ParallelPodManagement).
		WithRevisionHistoryLimit(3).
		WithSelector(labelSelector(ef, name)).
		WithTemplate(s.pod.template(ef)).
		// Note: the volume must outlive both an outage and the EventFlow.
		WithPersistentVolumeClaimRetentionPolicy(appsv1ac.StatefulSetPersistentVolumeClaimRetentionPolicy().
			WithWhenDeleted(appsv1.RetainPersistentVolumeClaimRetentionPolicyType).
			WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)).
		WithVolumeClaimTemplates(s.claim(ef)))
}

func (s store) claim(ef *v1alpha1.EventFlow) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	claim := corev1ac.PersistentVolumeClaim(dataVolume, "").
		WithLabels(labels(ef, string(s.component))).
		WithSpec(corev1ac.PersistentVolumeClaimSpec().
			WithAccessModes(corev1.ReadWriteOnce).
			WithResources(corev1ac.VolumeResourceRequirements().
				WithRequests(corev1.ResourceList{corev1.ResourceStorage: s.spec.Storage})))
	// A template is no object: neither a namespace nor a kind belongs there, and the
	// API server does not always give them back.
	claim.Namespace, claim.APIVersion, claim.Kind = nil, nil, nil
	return claim
}

// governingService renders the headless Service that a StatefulSet needs for the
// names of its pods.
func governingService(ef *v1alpha1.EventFlow, component string, ports []port) *corev1ac.ServiceApplyConfiguration {
	headless := service(ef, component, ports).WithName(governingName(ef, component))
	headless.Spec.WithClusterIP(corev1.ClusterIPNone).WithPublishNotReadyAddresses(true)
	return headless
}
