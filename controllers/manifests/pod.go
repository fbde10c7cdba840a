package manifests

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// mount is one folder of a pod. Exactly one of secret, configMap, projected and claim
// says what is in it; with none of them it is empty and writable.
type mount struct {
	name, path string
	secret     string
	configMap  string
	// keys are those of secret or configMap that are mounted; empty means all.
	keys []string
	// projected merges several sources into one folder.
	projected []*corev1ac.VolumeProjectionApplyConfiguration
	// claim mounts the volume of that name from the StatefulSet's claim templates.
	claim bool
	// subPath mounts one file of the volume at path.
	subPath string
}

// scratchLimit bounds what a pod may write beside its volume.
const scratchLimit = "64Mi"

// fileMode lets the pod's group read mounted files, and nobody else.
const fileMode int32 = 0o440

func scratch(name, path string) mount { return mount{name: name, path: path} }

// volume returns the pod's volume for the mount, nil for a claim.
func (m mount) volume() *corev1ac.VolumeApplyConfiguration {
	volume := corev1ac.Volume().WithName(m.name)
	switch {
	case m.claim:
		return nil
	case m.secret != "":
		return volume.WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(m.secret).WithDefaultMode(fileMode).WithItems(keyPaths(m.keys)...))
	case m.configMap != "":
		return volume.WithConfigMap(corev1ac.ConfigMapVolumeSource().
			WithName(m.configMap).WithDefaultMode(fileMode).WithItems(keyPaths(m.keys)...))
	case m.projected != nil:
		return volume.WithProjected(corev1ac.ProjectedVolumeSource().
			WithDefaultMode(fileMode).WithSources(m.projected...))
	default:
		return volume.WithEmptyDir(corev1ac.EmptyDirVolumeSource().WithSizeLimit(resource.MustParse(scratchLimit)))
	}
}

func (m mount) volumeMount() *corev1ac.VolumeMountApplyConfiguration {
	config := corev1ac.VolumeMount().WithName(m.name).WithMountPath(m.path)
	if m.secret != "" || m.configMap != "" || m.projected != nil {
		config.WithReadOnly(true)
	}
	if m.subPath != "" {
		config.WithSubPath(m.subPath)
	}
	return config
}

func keyPaths(keys []string) []*corev1ac.KeyToPathApplyConfiguration {
	paths := make([]*corev1ac.KeyToPathApplyConfiguration, 0, len(keys))
	for _, key := range keys {
		paths = append(paths, corev1ac.KeyToPath().WithKey(key).WithPath(key))
	}
	return paths
}

// pod is what the pods of all components have in common.
type pod struct {
	component string
	user      int64
	// grace is how many seconds the pod has between the order to stop and being killed.
	grace     int64
	container *corev1ac.ContainerApplyConfiguration
	resources *corev1.ResourceRequirements
	mounts    []mount
	// files are the contents that the pod's configuration hash is made of.
	files []map[string]string
}

// template renders the pod, within the "restricted" Pod Security profile and with a
// read-only root.
func (p pod) template(ef *v1alpha1.EventFlow) *corev1ac.PodTemplateSpecApplyConfiguration {
	container := p.container.
		WithName(p.component).
		WithImagePullPolicy(corev1.PullIfNotPresent).
		WithResources(resourcesConfig(p.resources)).
		WithSecurityContext(corev1ac.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL")))
	spec := corev1ac.PodSpec().
		WithServiceAccountName(ChildName(ef, p.component)).
		WithAutomountServiceAccountToken(false).
		// Note: with service links a Service of the namespace could set variables such
		// as RABBITMQ_PORT, which images take for configuration.
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(p.grace).
		WithSecurityContext(corev1ac.PodSecurityContext().
			WithRunAsNonRoot(true).
			WithRunAsUser(p.user).WithRunAsGroup(p.user).WithFSGroup(p.user).
			// Note: Always would walk through the whole volume at every start.
			WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault)))
	seen := map[string]bool{}
	for _, m := range p.mounts {
		container.WithVolumeMounts(m.volumeMount())
		if volume := m.volume(); volume != nil && !seen[m.name] {
			spec.WithVolumes(volume)
		}
		seen[m.name] = true
	}
	return corev1ac.PodTemplateSpec().
		WithLabels(labels(ef, p.component)).
		WithAnnotations(map[string]string{annotationConfig: hash(p.files...)}).
		WithSpec(spec.WithContainers(container))
}

// hash is a short digest of file contents.
func hash(files ...map[string]string) string {
	digest := sha256.New()
	write := func(text string) {
		_ = binary.Write(digest, binary.BigEndian, uint64(len(text)))
		digest.Write([]byte(text))
	}
	for _, file := range files {
		for _, key := range slices.Sorted(maps.Keys(file)) {
			write(key)
			write(file[key])
		}
	}
	return hex.EncodeToString(digest.Sum(nil))[:16]
}

func serviceAccount(ef *v1alpha1.EventFlow, component string) Object {
	return corev1ac.ServiceAccount(ChildName(ef, component), ef.Namespace).
		WithLabels(labels(ef, component)).
		WithAutomountServiceAccountToken(false)
}

func labelSelector(ef *v1alpha1.EventFlow, component string) *metav1ac.LabelSelectorApplyConfiguration {
	return metav1ac.LabelSelector().WithMatchLabels(selector(ef, component))
}

// port is a port of a container and its Service.
type port struct {
	name   string
	number int32
}

func containerPorts(ports []port) []*corev1ac.ContainerPortApplyConfiguration {
	configs := make([]*corev1ac.ContainerPortApplyConfiguration, 0, len(ports))
	for _, p := range ports {
		configs = append(configs, corev1ac.ContainerPort().
			WithName(p.name).WithContainerPort(p.number).WithProtocol(corev1.ProtocolTCP))
	}
	return configs
}

// service renders the Service of a component, which clients use.
func service(ef *v1alpha1.EventFlow, component string, ports []port) *corev1ac.ServiceApplyConfiguration {
	spec := corev1ac.ServiceSpec().WithType(corev1.ServiceTypeClusterIP).WithSelector(selector(ef, component))
	for _, p := range ports {
		spec.WithPorts(corev1ac.ServicePort().
			WithName(p.name).WithPort(p.number).WithTargetPort(intstr.FromString(p.name)).
			WithProtocol(corev1.ProtocolTCP))
	}
	return corev1ac.Service(ChildName(ef, component), ef.Namespace).
		WithLabels(labels(ef, component)).
		WithSpec(spec)
}
