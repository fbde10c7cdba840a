package manifests_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// workload is what a Deployment and a StatefulSet have in common.
type workload struct {
	Kind     string            `json:"kind"`
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Template corev1.PodTemplateSpec `json:"template"`
	} `json:"spec"`
}

func decode(t *testing.T, object manifests.Object) workload {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var w workload
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func metadata(t *testing.T, object manifests.Object) metav1.ObjectMeta {
	t.Helper()
	return decode(t, object).Metadata
}

// templates returns the pod templates of all workloads by component.
func templates(t *testing.T, in manifests.Input) map[string]corev1.PodTemplateSpec {
	t.Helper()
	objects, err := manifests.All(in)
	if err != nil {
		t.Fatal(err)
	}
	byComponent := map[string]corev1.PodTemplateSpec{}
	for _, object := range objects {
		w := decode(t, object)
		if w.Kind == "Deployment" || w.Kind == "StatefulSet" {
			byComponent[w.Metadata.Labels["app.kubernetes.io/component"]] = w.Spec.Template
		}
	}
	if len(byComponent) != 6 {
		t.Fatalf("%d workloads, want 6", len(byComponent))
	}
	return byComponent
}

func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, file := range cases(t) {
		for component, template := range templates(t, readInput(t, file)) {
			results := evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec)
			if result := policy.AggregateCheckResults(results); !result.Allowed {
				t.Errorf("%s: %s violates the restricted profile: %s", file, component, result.ForbiddenDetail())
			}
		}
	}
}

func TestPodsAreHardened(t *testing.T) {
	t.Parallel()
	for component, template := range templates(t, readInput(t, "testdata/standard.in.yaml")) {
		spec, container := template.Spec, template.Spec.Containers[0]
		if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
			t.Errorf("%s mounts a service account token", component)
		}
		if !*container.SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s can write to its root", component)
		}
		for _, resource := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			request, limit := container.Resources.Requests[resource], container.Resources.Limits[resource]
			if request.IsZero() || request.Cmp(limit) >= 0 {
				t.Errorf("%s: request %s and limit %s of %s", component, &request, &limit, resource)
			}
		}
		for _, variable := range container.Env {
			if strings.Contains(variable.Value, "PASSWORD") && !strings.HasPrefix(variable.Value, "/") {
				t.Errorf("%s has a secret in variable %s", component, variable.Name)
			}
		}
	}
}

// TestProbesAskThePodItself checks that no probe names another host or a path that
// could depend on a store.
func TestProbesAskThePodItself(t *testing.T) {
	t.Parallel()
	paths := map[string]bool{"/livez": true, "/readyz": true}
	for component, template := range templates(t, readInput(t, "testdata/standard.in.yaml")) {
		container := template.Spec.Containers[0]
		if container.StartupProbe == nil || container.ReadinessProbe == nil {
			t.Errorf("%s lacks a startup or a readiness probe", component)
		}
		for _, probe := range []*corev1.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
			switch {
			case probe == nil:
				if component != manifests.ComponentRabbitMQ {
					t.Errorf("%s lacks a probe", component)
				}
			case probe.HTTPGet != nil && !paths[probe.HTTPGet.Path]:
				t.Errorf("%s asks %s", component, probe.HTTPGet.Path)
			case probe.Exec != nil && !strings.Contains(strings.Join(probe.Exec.Command, " "), "127.0.0.1"):
				t.Errorf("%s runs %v, which may ask somebody else", component, probe.Exec.Command)
			}
		}
	}
}

func TestRateLimitOfPurchasePods(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limit *v1alpha1.RateLimitSpec
		want  map[string]string
	}{
		"left out":      {nil, map[string]string{}},
		"off":           {&v1alpha1.RateLimitSpec{}, map[string]string{"EVENTFLOW_RATE_LIMIT": "0", "EVENTFLOW_RATE_BURST": "1"}},
		"without burst": {&v1alpha1.RateLimitSpec{RequestsPerSecond: 20}, map[string]string{"EVENTFLOW_RATE_LIMIT": "20", "EVENTFLOW_RATE_BURST": "40"}},
		"with burst":    {&v1alpha1.RateLimitSpec{RequestsPerSecond: 20, Burst: 30}, map[string]string{"EVENTFLOW_RATE_LIMIT": "20", "EVENTFLOW_RATE_BURST": "30"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := readInput(t, "testdata/standard.in.yaml")
			in.EventFlow.Spec.Purchase.RateLimit = tc.limit
			got := map[string]string{}
			for _, variable := range templates(t, in)["purchase"].Spec.Containers[0].Env {
				if strings.HasPrefix(variable.Name, "EVENTFLOW_RATE_") {
					got[variable.Name] = variable.Value
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
		})
	}
}
