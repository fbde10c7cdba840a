// Package charts checks that the Helm chart is made of the same parts as config/, and
// that its values, their schema and their comments agree.
package charts

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestDefinitionsAreThoseOfConfig(t *testing.T) {
	t.Parallel()
	names := func(pattern string) []string {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("glob %s: %v, %v", pattern, paths, err)
		}
		for i := range paths {
			paths[i] = filepath.Base(paths[i])
		}
		return paths
	}
	inConfig, inChart := names("../config/crd/bases/*.yaml"), names("eventflow/files/crds/*.yaml")
	if diff := cmp.Diff(inConfig, inChart); diff != "" {
		t.Fatalf("definitions (-config +chart):\n%s", diff)
	}
	for _, name := range inConfig {
		if !bytes.Equal(read(t, "../config/crd/bases/"+name), read(t, "eventflow/files/crds/"+name)) {
			t.Errorf("%s differs: run make manifests", name)
		}
	}
}

func TestRulesAreThoseOfConfig(t *testing.T) {
	t.Parallel()
	if !bytes.Equal(read(t, "../config/rbac/role.yaml"), read(t, "eventflow/files/role.yaml")) {
		t.Error("role.yaml differs: run make manifests")
	}
}

// TestLeaderElectionRulesAreThoseOfConfig compares what the chart writes out itself.
func TestLeaderElectionRulesAreThoseOfConfig(t *testing.T) {
	t.Parallel()
	rules := regexp.MustCompile(`(?m)^rules:\n((?: *- | {2,}).*\n)+`)
	parse := func(text []byte) (role struct{ Rules []map[string][]string }) {
		found := rules.Find(text)
		if err := yaml.Unmarshal(found, &role); err != nil || len(role.Rules) == 0 {
			t.Fatalf("rules %q: %v", found, err)
		}
		return role
	}
	template := read(t, "eventflow/templates/rbac.yaml")
	_, leader, found := bytes.Cut(template, []byte("{{ $name }}-leader-election\n"))
	if !found {
		t.Fatal("the chart has no role for leader election")
	}
	want := parse(read(t, "../config/rbac/leader_election_role.yaml"))
	if diff := cmp.Diff(want, parse(leader)); diff != "" {
		t.Errorf("rules (-config +chart):\n%s", diff)
	}
}

// TestRulesHaveNoWildcard keeps the operator's rights readable.
func TestRulesHaveNoWildcard(t *testing.T) {
	t.Parallel()
	var role struct {
		Rules []struct{ APIGroups, Resources, Verbs []string }
	}
	if err := yaml.Unmarshal(read(t, "eventflow/files/role.yaml"), &role); err != nil {
		t.Fatal(err)
	}
	for _, rule := range role.Rules {
		if all := slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs); slices.Contains(all, "*") {
			t.Errorf("rule %+v has a wildcard", rule)
		}
		for _, verb := range []string{"escalate", "bind", "impersonate", "deletecollection"} {
			if slices.Contains(rule.Verbs, verb) {
				t.Errorf("rule %+v allows %s", rule, verb)
			}
		}
	}
}

// schema is the part of a JSON schema that the values are compared with.
type schema struct {
	Type                 json.RawMessage    `json:"type"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties any                `json:"additionalProperties"`
}

func TestValuesMatchTheirSchema(t *testing.T) {
	t.Parallel()
	var root schema
	if err := json.Unmarshal(read(t, "eventflow/values.schema.json"), &root); err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(read(t, "eventflow/values.yaml"), &values); err != nil {
		t.Fatal(err)
	}
	delete(root.Properties, "global") // Helm's own
	compare(t, "", &root, values)
}

func compare(t *testing.T, path string, s *schema, values map[string]any) {
	t.Helper()
	for key := range s.Properties {
		if _, found := values[key]; !found {
			t.Errorf("%s%s is in the schema and has no default", path, key)
		}
	}
	for key, value := range values {
		property, found := s.Properties[key]
		if !found {
			t.Errorf("%s%s has a default and is not in the schema", path, key)
			continue
		}
		if kind := kindOf(value); !strings.Contains(string(property.Type), kind) {
			t.Errorf("%s%s is %s, the schema says %s", path, key, kind, property.Type)
		}
		if nested, isMap := value.(map[string]any); isMap && property.Properties != nil {
			compare(t, path+key+".", property, nested)
		}
	}
	if s.AdditionalProperties == nil {
		t.Errorf("%s does not say which other keys it takes", path)
	}
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		return "integer"
	case []any:
		return "array"
	default:
		return "object"
	}
}

// TestValuesHaveComments checks that a comment stands above each key.
func TestValuesHaveComments(t *testing.T) {
	t.Parallel()
	lines := strings.Split(string(read(t, "eventflow/values.yaml")), "\n")
	key := regexp.MustCompile(`^ *[A-Za-z]+:`)
	for i, line := range lines {
		if key.MatchString(line) && (i == 0 || !strings.HasPrefix(strings.TrimSpace(lines[i-1]), "# ")) {
			t.Errorf("line %d, %q, has no comment above it", i+1, line)
		}
	}
}

// TestInstallIsRestricted checks what dist/install.yaml installs: both definitions, and
// an operator that runs in the namespace that it makes.
func TestInstallIsRestricted(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for text := range strings.SplitSeq(string(read(t, "../dist/install.yaml")), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), object); err != nil {
			t.Fatal(err)
		}
		kinds[object.GetKind()]++
		if object.GetKind() == "Deployment" {
			checkDeployment(t, object)
		}
	}
	for kind, want := range map[string]int{"CustomResourceDefinition": 2, "Deployment": 1, "Namespace": 1, "ClusterRole": 1, "ServiceAccount": 1} {
		if kinds[kind] != want {
			t.Errorf("%d %s, want %d", kinds[kind], kind, want)
		}
	}
}

func checkDeployment(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	deployment := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, deployment); err != nil {
		t.Fatal(err)
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pod := deployment.Spec.Template
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			t.Errorf("%s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	container := pod.Spec.Containers[0]
	if container.Resources.Requests.Memory().IsZero() || container.Resources.Limits.Memory().IsZero() {
		t.Error("the operator has no memory request or limit")
	}
	if want := "--service-image=" + container.Image; !slices.Contains(container.Args, want) {
		t.Errorf("arguments %q lack %s: the services run from the operator's image", container.Args, want)
	}
}
