//go:build envtest

package chaos_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// object is a Chaos as a user writes it, with the given spec.
func object(namespace string, spec map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "eventflow.dev/v1alpha1",
		"kind":       "Chaos",
		"spec":       spec,
	}}
	u.SetNamespace(namespace)
	u.SetGenerateName("chaos-")
	return u
}

func TestSpecIsChecked(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	ref := map[string]any{"name": "boxoffice"}
	cases := map[string]struct {
		spec map[string]any
		// want is what the refusal says, empty where there is none.
		want string
	}{
		"least":                {spec: map[string]any{"eventFlowRef": ref}},
		"all":                  {spec: map[string]any{"eventFlowRef": ref, "fault": map[string]any{"component": "redis", "action": "ScaleToZero"}, "duration": "1h30m", "deadline": "2h", "dryRun": true}},
		"shortest":             {spec: map[string]any{"eventFlowRef": ref, "duration": "1s"}},
		"longest":              {spec: map[string]any{"eventFlowRef": ref, "duration": "24h"}},
		"no EventFlow":         {spec: map[string]any{}, want: "spec.eventFlowRef: Required value"},
		"empty name":           {spec: map[string]any{"eventFlowRef": map[string]any{"name": ""}}, want: "spec.eventFlowRef.name"},
		"unknown component":    {spec: map[string]any{"eventFlowRef": ref, "fault": map[string]any{"component": "mysql"}}, want: `supported values: "postgres", "redis", "rabbitmq"`},
		"unknown action":       {spec: map[string]any{"eventFlowRef": ref, "fault": map[string]any{"action": "Kill"}}, want: `supported values: "ScaleToZero"`},
		"not a duration":       {spec: map[string]any{"eventFlowRef": ref, "duration": "a minute"}, want: "duration: write it as 90s, 5m or 1h30m"},
		"negative":             {spec: map[string]any{"eventFlowRef": ref, "duration": "-5s"}, want: "duration: write it as 90s, 5m or 1h30m"},
		"days":                 {spec: map[string]any{"eventFlowRef": ref, "duration": "1d"}, want: "duration: write it as 90s, 5m or 1h30m"},
		"too many hours":       {spec: map[string]any{"eventFlowRef": ref, "duration": "99999999999999999999h"}, want: "duration"},
		"too short":            {spec: map[string]any{"eventFlowRef": ref, "duration": "999ms"}, want: "duration: must be between 1s and 24h"},
		"too long":             {spec: map[string]any{"eventFlowRef": ref, "duration": "24h1s"}, want: "duration: must be between 1s and 24h"},
		"bad deadline":         {spec: map[string]any{"eventFlowRef": ref, "deadline": "soon"}, want: "deadline: write it as 90s, 5m or 1h30m"},
		"deadline too far":     {spec: map[string]any{"eventFlowRef": ref, "deadline": "49h"}, want: "deadline: must be at most 48h"},
		"deadline at duration": {spec: map[string]any{"eventFlowRef": ref, "duration": "60s", "deadline": "1m"}, want: "deadline: must be longer than duration"},
		"deadline at default":  {spec: map[string]any{"eventFlowRef": ref, "deadline": "30s"}, want: "deadline: must be longer than duration"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := direct.Create(t.Context(), object(namespace, tc.spec))
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want a refusal that says %q", err, tc.want)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	u := object(newNamespace(t), map[string]any{"eventFlowRef": map[string]any{"name": "boxoffice"}})
	if err := direct.Create(t.Context(), u); err != nil {
		t.Fatalf("create: %v", err)
	}
	for path, want := range map[string]string{"fault.component": "postgres", "fault.action": "ScaleToZero", "duration": "60s"} {
		got, _, err := unstructured.NestedString(u.Object, append([]string{"spec"}, strings.Split(path, ".")...)...)
		if err != nil || got != want {
			t.Errorf("spec.%s is %q (%v), want %q", path, got, err, want)
		}
	}
}

func TestSpecCannotBeChanged(t *testing.T) {
	t.Parallel()
	u := object(newNamespace(t), map[string]any{"eventFlowRef": map[string]any{"name": "boxoffice"}})
	if err := direct.Create(t.Context(), u); err != nil {
		t.Fatalf("create: %v", err)
	}
	if err := unstructured.SetNestedField(u.Object, "2m", "spec", "duration"); err != nil {
		t.Fatal(err)
	}
	err := direct.Update(t.Context(), u)
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "create another Chaos") {
		t.Errorf("got %v, want a refusal that says what to do", err)
	}
}
