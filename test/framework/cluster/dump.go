package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// Dump writes what one needs to see why a test failed: objects and events of the
// cluster's namespace and of the extra ones, and the logs of every container, the
// previous run's included. Secrets are left out. It goes on after errors and returns them joined.
func (c *Cluster) Dump(ctx context.Context, folder string, extraNamespaces ...string) error {
	var problems []error
	for _, namespace := range append([]string{c.Namespace}, extraNamespaces...) {
		problems = append(problems, c.dumpNamespace(ctx, filepath.Join(folder, namespace), namespace))
	}
	return errors.Join(problems...)
}

func (c *Cluster) dumpNamespace(ctx context.Context, folder, namespace string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make folder for the dump: %w", err)
	}
	lists := map[string]client.ObjectList{
		"eventflows": &v1alpha1.EventFlowList{}, "chaoses": &v1alpha1.ChaosList{},
		"pods": &corev1.PodList{}, "services": &corev1.ServiceList{}, "configmaps": &corev1.ConfigMapList{},
		"persistentvolumeclaims": &corev1.PersistentVolumeClaimList{},
		"deployments":            &appsv1.DeploymentList{}, "statefulsets": &appsv1.StatefulSetList{},
		"ingresses": &networkingv1.IngressList{}, "events": &eventsv1.EventList{},
	}
	var problems []error
	for name, list := range lists {
		problems = append(problems, c.dumpList(ctx, filepath.Join(folder, name+".yaml"), namespace, list))
	}
	return errors.Join(append(problems, c.dumpLogs(ctx, folder, namespace))...)
}

func (c *Cluster) dumpList(ctx context.Context, file, namespace string, list client.ObjectList) error {
	if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("list %T in %s: %w", list, namespace, err)
	}
	text, err := yaml.Marshal(list)
	if err != nil {
		return fmt.Errorf("render %T: %w", list, err)
	}
	return os.WriteFile(file, text, 0o644)
}

func (c *Cluster) dumpLogs(ctx context.Context, folder, namespace string) error {
	pods, err := c.Clientset.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list pods in %s: %w", namespace, err)
	}
	var problems []error
	for _, pod := range pods.Items {
		for _, status := range pod.Status.ContainerStatuses {
			for _, previous := range []bool{false, true} {
				if previous && status.RestartCount == 0 {
					continue
				}
				problems = append(problems, c.dumpLog(ctx, folder, pod, corev1.PodLogOptions{Container: status.Name, Previous: previous}))
			}
		}
	}
	return errors.Join(problems...)
}

func (c *Cluster) dumpLog(ctx context.Context, folder string, pod corev1.Pod, options corev1.PodLogOptions) error {
	text, err := c.Clientset.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &options).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("read log of %s/%s: %w", pod.Name, options.Container, err)
	}
	name := pod.Name + "." + options.Container + ".log"
	if options.Previous {
		name = pod.Name + "." + options.Container + ".previous.log"
	}
	return os.WriteFile(filepath.Join(folder, name), text, 0o644)
}
