package failpoint_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func build(t *testing.T, tags string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "victim")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", binary, "./testdata/victim").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return binary
}

func TestHere(t *testing.T) {
	t.Parallel()
	on, off := build(t, "failpoints"), build(t, "")
	for binary, want := range map[string]bool{on: true, off: false} {
		content, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(content, []byte("EVENTFLOW_FAILPOINT")); got != want {
			t.Errorf("%s has the variable's name in it: %t, want %t", binary, got, want)
		}
	}
	cases := map[string]struct {
		binary, armed string
		wantOut       string
		wantSignal    syscall.Signal
		wantExit      int
	}{
		"without the tag":   {binary: off, armed: "afterCommit", wantOut: "round 0\nround 1\nround 2\ndone\n"},
		"not armed":         {binary: on, wantOut: "round 0\nround 1\nround 2\ndone\n"},
		"another place":     {binary: on, armed: "afterAck", wantOut: "round 0\nround 1\nround 2\ndone\n"},
		"the first time":    {binary: on, armed: "afterCommit", wantOut: "round 0\n", wantSignal: syscall.SIGKILL},
		"the third time":    {binary: on, armed: "afterCommit:3=kill", wantOut: "round 0\nround 1\nround 2\n", wantSignal: syscall.SIGKILL},
		"a little later":    {binary: on, armed: "afterCommit:2=kill-later", wantOut: "round 0\nround 1\n", wantSignal: syscall.SIGKILL},
		"a pause":           {binary: on, armed: "afterCommit=pause", wantOut: "round 0\nround 1\nround 2\ndone\n"},
		"no such action":    {binary: on, armed: "afterCommit=explode", wantOut: "round 0\n", wantExit: 2},
		"no positive count": {binary: on, armed: "afterCommit:0", wantOut: "round 0\n", wantExit: 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), tc.binary)
			command.Env = append(os.Environ(), "EVENTFLOW_FAILPOINT="+tc.armed)
			out, err := command.Output()
			var exit *exec.ExitError
			status := syscall.WaitStatus(0)
			if errors.As(err, &exit) {
				status = exit.Sys().(syscall.WaitStatus)
			}
			died := syscall.Signal(0)
			if status.Signaled() {
				died = status.Signal()
			}
			if string(out) != tc.wantOut || died != tc.wantSignal || max(0, status.ExitStatus()) != tc.wantExit {
				t.Errorf("got %q and %v, want %q, signal %d, status %d", out, err, tc.wantOut, tc.wantSignal, tc.wantExit)
			}
			if tc.wantSignal != 0 && !strings.Contains(string(exit.Stderr), "failpoint afterCommit reached") {
				t.Errorf("it died without a word: %q", exit.Stderr)
			}
		})
	}
}
