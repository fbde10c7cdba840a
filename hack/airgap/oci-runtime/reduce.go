package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// missing is the capability that the host does not have.
const missing = "CAP_SYS_RESOURCE"

// reduceRequest rewrites the document that a runc command line names: the bundle's
// configuration for create and run, the process for exec. Other commands name none.
func reduceRequest(args []string) error {
	switch {
	case slices.Contains(args, "create"), slices.Contains(args, "run"):
		bundle, ok := option(args, "--bundle", "-b")
		if !ok {
			bundle = "."
		}
		return rewrite(filepath.Join(bundle, "config.json"), func(document map[string]any) {
			if process, ok := document["process"].(map[string]any); ok {
				reduce(process)
			}
		})
	case slices.Contains(args, "exec"):
		if process, ok := option(args, "--process", "-p"); ok {
			return rewrite(process, reduce)
		}
	}
	return nil
}

// option finds the value of a flag, given as "--flag value" or "--flag=value".
func option(args []string, names ...string) (string, bool) {
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		switch {
		case !slices.Contains(names, name):
		case joined:
			return value, true
		case i+1 < len(args):
			return args[i+1], true
		}
	}
	return "", false
}

// rewrite changes a JSON file in place, keeping its numbers as they are written.
func rewrite(path string, change func(map[string]any)) error {
	data, err := os.ReadFile(path) //nolint:gosec // The path is runc's own argument.
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	document := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("decode %q: %w", path, err)
	}
	change(document)
	data, err = json.Marshal(document)
	if err != nil {
		return fmt.Errorf("encode %q: %w", path, err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil { //nolint:gosec // As above.
		return fmt.Errorf("write request: %w", err)
	}
	return nil
}

// reduce takes the capability and a lowered OOM score out of an OCI process.
func reduce(process map[string]any) {
	capabilities, _ := process["capabilities"].(map[string]any)
	for set, names := range capabilities {
		if names, ok := names.([]any); ok {
			capabilities[set] = slices.DeleteFunc(names, func(name any) bool { return name == missing })
		}
	}
	if score, ok := process["oomScoreAdj"].(json.Number); ok && strings.HasPrefix(score.String(), "-") {
		process["oomScoreAdj"] = 0
	}
}
