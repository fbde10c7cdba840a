// Package cluster is the tests' hold on a Kubernetes cluster with a box office in it:
// a typed client, commands inside pods, logs, and a dump of everything for when a test
// fails. It must not know what a test asserts.
package cluster

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// Cluster is one cluster, seen from one namespace.
type Cluster struct {
	client.Client
	Clientset *kubernetes.Clientset
	Namespace string
	config    *rest.Config
}

// Connect opens the cluster of a kubeconfig file.
func Connect(kubeconfig, namespace string) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %q: %w", kubeconfig, err)
	}
	config.Timeout = 30 * time.Second
	ctrllog.SetLogger(logr.Discard()) // what fails comes back as an error
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("build scheme: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("build scheme: %w", err)
	}
	typed, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	return &Cluster{Client: typed, Clientset: clientset, Namespace: namespace, config: config}, nil
}

// Fetch reads the object of the name in the cluster's namespace into object.
func (c *Cluster) Fetch(ctx context.Context, name string, object client.Object) error {
	if err := c.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, object); err != nil {
		return fmt.Errorf("get %T %s/%s: %w", object, c.Namespace, name, err)
	}
	return nil
}

// Pods lists the pods of one component that are not on their way out.
func (c *Cluster) Pods(ctx context.Context, component string) ([]corev1.Pod, error) {
	list := &corev1.PodList{}
	labels := client.MatchingLabels{"app.kubernetes.io/component": component, "app.kubernetes.io/part-of": "eventflow"}
	if err := c.List(ctx, list, client.InNamespace(c.Namespace), labels); err != nil {
		return nil, fmt.Errorf("list pods of %s: %w", component, err)
	}
	pods := make([]corev1.Pod, 0, len(list.Items))
	for _, pod := range list.Items {
		if pod.DeletionTimestamp.IsZero() {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// Ready reports whether the pod has the Ready condition.
func Ready(pod corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Restarts is how often the pod's containers were restarted.
func Restarts(pod corev1.Pod) int {
	n := 0
	for _, status := range pod.Status.ContainerStatuses {
		n += int(status.RestartCount)
	}
	return n
}

// Logs returns the component's log lines since the given time, of all its pods.
func (c *Cluster) Logs(ctx context.Context, component string, since time.Time) ([]string, error) {
	pods, err := c.Pods(ctx, component)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, pod := range pods {
		options := &corev1.PodLogOptions{SinceTime: &metav1.Time{Time: since}}
		text, err := c.Clientset.CoreV1().Pods(c.Namespace).GetLogs(pod.Name, options).DoRaw(ctx)
		if err != nil {
			return nil, fmt.Errorf("read log of pod %s: %w", pod.Name, err)
		}
		lines = append(lines, strings.Split(strings.TrimSpace(string(text)), "\n")...)
	}
	return lines, nil
}

// Exec runs a command in the first container of a pod and returns what it printed.
func (c *Cluster) Exec(ctx context.Context, pod string, command ...string) (string, error) {
	request := c.Clientset.CoreV1().RESTClient().Post().Resource("pods").
		Namespace(c.Namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}, clientgoscheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(c.config, "GET", request.URL().String())
	if err != nil {
		return "", fmt.Errorf("exec in pod %s: %w", pod, err)
	}
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		return "", fmt.Errorf("%v in pod %s: %w: %s", command, pod, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// SQL runs one query in the box office's PostgreSQL and returns its rows, their columns separated by "|".
func (c *Cluster) SQL(ctx context.Context, eventFlow, query string) ([]string, error) {
	pod := eventFlow + "-postgres-0"
	out, err := c.Exec(ctx, pod, "sh", "-c",
		`PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")" psql -h 127.0.0.1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -At -v ON_ERROR_STOP=1 -c "$0"`, query)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(out, "\n"), nil
}

// Poll is how often Until looks.
const Poll = 250 * time.Millisecond

// Until waits until check returns "", at most timeout; the error carries the last
// thing that check complained about.
func Until(ctx context.Context, timeout time.Duration, check func(context.Context) string) error {
	last := "never checked"
	err := wait.PollUntilContextTimeout(ctx, Poll, timeout, true, func(ctx context.Context) (bool, error) {
		complaint := check(ctx)
		if ctx.Err() == nil { // a check that was cut short says nothing about the world
			last = complaint
		}
		return complaint == "", nil
	})
	if err != nil {
		return fmt.Errorf("not within %s: %s", timeout, last)
	}
	return nil
}
