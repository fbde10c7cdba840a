package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReduceRequest(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file   string
		args   func(folder string) []string
		before string
		after  string
	}{
		"create loses the capability and the lowered score": {
			file: "config.json",
			args: func(folder string) []string {
				return []string{"--root", "/run", "create", "--bundle", folder, "id"}
			},
			before: `{"process":{"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_RESOURCE"],"effective":null},"oomScoreAdj":-999}}`,
			after:  `{"process":{"capabilities":{"bounding":["CAP_CHOWN"],"effective":null},"oomScoreAdj":0}}`,
		},
		"a joined flag is understood": {
			file:   "config.json",
			args:   func(folder string) []string { return []string{"run", "--bundle=" + folder, "id"} },
			before: `{"process":{"capabilities":{"bounding":["CAP_SYS_RESOURCE"]}}}`,
			after:  `{"process":{"capabilities":{"bounding":[]}}}`,
		},
		"numbers too large for a float stay as they are": {
			file:   "config.json",
			args:   func(folder string) []string { return []string{"create", "-b", folder, "id"} },
			before: `{"linux":{"limit":18446744073709551615},"process":{"oomScoreAdj":1000}}`,
			after:  `{"linux":{"limit":18446744073709551615},"process":{"oomScoreAdj":1000}}`,
		},
		"a sandbox without a process is left alone": {
			file:   "config.json",
			args:   func(folder string) []string { return []string{"create", "-b", folder, "id"} },
			before: `{"ociVersion":"1.2.0"}`,
			after:  `{"ociVersion":"1.2.0"}`,
		},
		"exec has a process of its own": {
			file: "process.json",
			args: func(folder string) []string {
				return []string{"exec", "--process", filepath.Join(folder, "process.json"), "id"}
			},
			before: `{"capabilities":{"bounding":["CAP_SYS_RESOURCE","CAP_KILL"]},"oomScoreAdj":5}`,
			after:  `{"capabilities":{"bounding":["CAP_KILL"]},"oomScoreAdj":5}`,
		},
		"other commands change nothing": {
			file:   "config.json",
			args:   func(string) []string { return []string{"state", "id"} },
			before: `{"process":{"oomScoreAdj":-1}}`,
			after:  `{"process":{"oomScoreAdj":-1}}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			path := filepath.Join(folder, test.file)
			if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := reduceRequest(test.args(folder)); err != nil {
				t.Fatalf("reduceRequest: %v", err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, string(got)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReduceRequestNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := reduceRequest([]string{"create", "--bundle", folder, "id"}); err == nil {
		t.Error("a bundle without config.json was accepted")
	}
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reduceRequest([]string{"create", "--bundle", folder, "id"}); err == nil {
		t.Error("half a document was accepted")
	}
}
