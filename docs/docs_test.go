// Package docs checks that what the documents name is there.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	inBackticks = regexp.MustCompile("`([^`\n]+)`")
	namedTest   = regexp.MustCompile(`^(?:([a-z0-9_/]+)\.)?((?:Test|Fuzz)[A-Z]\w*)$`)
	aPath       = regexp.MustCompile(`^(?:api|charts|config|controllers|docs|hack|services|test)/[\w./-]*$`)
	subtest     = regexp.MustCompile("`(services/internal/storetest)` \\(\"([^\"]+)\"\\)")
)

// TestNamedTestsExist finds every test and path that the documents name.
func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	tests := declared(t)
	for _, document := range []string{"failure-modes.md", "guarantees.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, match := range inBackticks.FindAllStringSubmatch(string(text), -1) {
			name := match[1]
			if test := namedTest.FindStringSubmatch(name); test != nil {
				named++
				if !tests[name] {
					t.Errorf("%s: there is no test %s", document, name)
				}
				continue
			}
			if aPath.MatchString(name) {
				named++
				if _, err := os.Stat(filepath.Join("..", name)); err != nil {
					t.Errorf("%s: %v", document, err)
				}
			}
		}
		for _, match := range subtest.FindAllStringSubmatch(string(text), -1) {
			if !contains(t, filepath.Join("..", match[1]), `"`+match[2]+`"`) {
				t.Errorf("%s: %s has no test %q", document, match[1], match[2])
			}
		}
		if named == 0 {
			t.Errorf("%s names nothing", document)
		}
	}
}

// declared returns every test of the project, as "folder.TestName" and as "TestName".
func declared(t *testing.T) map[string]bool {
	t.Helper()
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel("..", filepath.Dir(path))
		for _, match := range declaration.FindAllStringSubmatch(string(text), -1) {
			found[match[1]] = true
			found[filepath.ToSlash(folder)+"."+match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func contains(t *testing.T, folder, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), text) {
			return true
		}
	}
	return false
}
