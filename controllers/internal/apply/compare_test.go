package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestContains(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		have, want string
		contains   bool
	}{
		"equal":                        {have: "{a: 1, b: [x, y]}", want: "{a: 1, b: [x, y]}", contains: true},
		"defaulted fields":             {have: "{a: {b: 1, c: 2}, d: 3}", want: "{a: {b: 1}}", contains: true},
		"defaulted fields in a list":   {have: "{a: [{b: 1, c: 2}]}", want: "{a: [{b: 1}]}", contains: true},
		"an empty map that was made":   {have: "{a: {}}", want: "{a: {}}", contains: true},
		"another value":                {have: "{a: 1}", want: "{a: 2}"},
		"another type":                 {have: "{a: [1]}", want: "{a: {b: 1}}"},
		"a list where a map should be": {have: "{a: {b: 1}}", want: "{a: [1]}"},
		"a missing field":              {have: "{}", want: "{a: 1}"},
		"a missing empty map":          {have: "{}", want: "{a: {}}"},
		"an element more":              {have: "{a: [1, 2]}", want: "{a: [1]}"},
		"an element less":              {have: "{a: [1]}", want: "{a: [1, 2]}"},
		"another order":                {have: "{a: [2, 1]}", want: "{a: [1, 2]}"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := contains(parse(t, tc.have), parse(t, tc.want)); got != tc.contains {
				t.Errorf("%t, want %t", got, tc.contains)
			}
		})
	}
}

func TestUpToDate(t *testing.T) {
	t.Parallel()
	desired := func(data map[string]string) *unstructured.Unstructured {
		content, digest, err := render(corev1ac.ConfigMap("a", "b").WithData(data))
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{Object: content}
		object.SetAnnotations(map[string]string{digestAnnotation: digest})
		return object
	}
	current := func(data map[string]string) *corev1.ConfigMap {
		return &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "b", UID: "1", Annotations: desired(data).GetAnnotations()},
			Data:       data,
		}
	}
	both, one := map[string]string{"x": "1", "y": "2"}, map[string]string{"x": "1"}
	edited := current(both)
	edited.Data = map[string]string{"x": "1", "y": "other"}
	cases := map[string]struct {
		current *corev1.ConfigMap
		desired *unstructured.Unstructured
		want    bool
	}{
		"as applied":              {current: current(both), desired: desired(both), want: true},
		"edited":                  {current: edited, desired: desired(both)},
		"a field more is desired": {current: current(one), desired: desired(both)},
		"a field less is desired": {current: current(both), desired: desired(one)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := upToDate(tc.current, tc.desired)
			if err != nil || got != tc.want {
				t.Errorf("%t, %v, want %t", got, err, tc.want)
			}
		})
	}
}

func TestRenderIsStable(t *testing.T) {
	t.Parallel()
	build := func() (map[string]any, string, error) {
		return render(corev1ac.ConfigMap("a", "b").WithLabels(map[string]string{"x": "1", "y": "2", "z": "3"}))
	}
	content, digest, err := build()
	if err != nil {
		t.Fatal(err)
	}
	again, digestAgain, err := build()
	if err != nil || digest != digestAgain {
		t.Errorf("digests %s and %s, %v", digest, digestAgain, err)
	}
	if diff := cmp.Diff(content, again); diff != "" {
		t.Errorf("content (-first +second):\n%s", diff)
	}
}
