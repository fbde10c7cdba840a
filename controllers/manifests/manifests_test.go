package manifests_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// document is the content of an .in.yaml file.
type document struct {
	EventFlow   *v1alpha1.EventFlow   `json:"eventFlow"`
	Images      manifests.Images      `json:"images"`
	Credentials manifests.Credentials `json:"credentials"`
	Outage      *v1alpha1.OutageLease `json:"outage"`
}

func readInput(t *testing.T, file string) manifests.Input {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := yaml.UnmarshalStrict(text, &d); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return manifests.Input(d)
}

func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return files
}

func render(t *testing.T, in manifests.Input) string {
	t.Helper()
	objects, err := manifests.All(in)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, object := range objects {
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return out.String()
}

// TestAll compares every object of every case with its golden file. To write those
// anew: go test ./controllers/manifests -update.
func TestAll(t *testing.T) {
	t.Parallel()
	for _, file := range cases(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			in := readInput(t, file)
			got := render(t, in)
			golden := strings.TrimSuffix(file, ".in.yaml") + ".out.yaml"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(got, render(t, in)); diff != "" {
				t.Errorf("the same input gave other bytes (-first +second):\n%s", diff)
			}
		})
	}
}

func TestObjectsAreDistinctAndLabelled(t *testing.T) {
	t.Parallel()
	for _, file := range cases(t) {
		in := readInput(t, file)
		objects, err := manifests.All(in)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, object := range objects {
			name := *object.GetKind() + "/" + *object.GetName()
			if seen[name] {
				t.Errorf("%s: %s is there twice", file, name)
			}
			seen[name] = true
			if *object.GetNamespace() != in.EventFlow.Namespace {
				t.Errorf("%s: %s is in namespace %s", file, name, *object.GetNamespace())
			}
			for key, value := range manifests.InstanceLabels(in.EventFlow) {
				if got := metadata(t, object).Labels[key]; got != value {
					t.Errorf("%s: %s has label %s=%q, want %q", file, name, key, got, value)
				}
			}
		}
	}
}

// TestConfigurationRollsPods checks that the pods that read a file are replaced when it
// changes, and no others.
func TestConfigurationRollsPods(t *testing.T) {
	t.Parallel()
	const standard = "testdata/standard.in.yaml"
	cases := map[string]struct {
		change func(*manifests.Input)
		want   []string
	}{
		"nothing":    {change: func(*manifests.Input) {}},
		"order key":  {change: func(in *manifests.Input) { in.Credentials.OrderIDKey = "other" }, want: []string{"purchase"}},
		"an outage":  {change: func(in *manifests.Input) { in.Outage = &v1alpha1.OutageLease{Component: "postgres", Holder: "a/b/c"} }},
		"more pods":  {change: func(in *manifests.Input) { in.EventFlow.Spec.Purchase.Replicas = 9 }},
		"a host":     {change: func(in *manifests.Input) { in.EventFlow.Spec.Ingress.Host = "example.com" }},
		"an image":   {change: func(in *manifests.Input) { in.EventFlow.Spec.Redis.Image = "redis:9" }, want: []string{"redis"}},
		"redis auth": {change: func(in *manifests.Input) { in.Credentials.RedisPassword = "other" }, want: []string{"redis", "purchase", "consumer", "analytics"}},
		"the catalog": {
			change: func(in *manifests.Input) {
				in.EventFlow.Spec.Catalog.Events = []v1alpha1.CatalogEvent{{ID: "new", Name: "New"}}
			},
			want: []string{"consumer"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := templates(t, readInput(t, standard))
			in := readInput(t, standard)
			tc.change(&in)
			after := templates(t, in)
			rolled := map[string]bool{}
			for component, template := range after {
				if !cmp.Equal(before[component], template) {
					rolled[component] = true
				}
			}
			want := map[string]bool{}
			for _, component := range tc.want {
				want[component] = true
			}
			if diff := cmp.Diff(want, rolled); diff != "" {
				t.Errorf("pods that are replaced (-want +got):\n%s", diff)
			}
		})
	}
}
