package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is how a run ended.
type result struct {
	code     int
	out, err string
}

// cli runs the command with standard input and one variable of the environment.
func cli(t *testing.T, in, urlFile string, args ...string) result {
	t.Helper()
	var out, errors bytes.Buffer
	code := run(t.Context(), system{
		args: args, in: strings.NewReader(in), out: &out, err: &errors,
		getenv: func(name string) string {
			if name == "EVENTFLOW_RABBITMQ_URL_FILE" {
				return urlFile
			}
			return ""
		},
	})
	return result{code, out.String(), errors.String()}
}

// want checks the exit code and that each text is in what was printed.
func (r result) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(r.out+r.err, text) {
			t.Errorf("%q is not in the answer", text)
		}
	}
	if t.Failed() {
		t.Logf("output: %s\nerrors: %s", r.out, r.err)
	}
}

// file writes a file and returns its path.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrongUseEndsWithTwo(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"no command":            {nil, "which command"},
		"an unknown command":    {[]string{"sell"}, "unknown command"},
		"half a command":        {[]string{"receipt"}, "which command"},
		"an unknown subcommand": {[]string{"dead-letters", "purge"}, "unknown command"},
		"no keys":               {[]string{"receipt", "verify", "x"}, "keys url"},
		"two sources of keys":   {[]string{"receipt", "verify", "x", "--keys", "a", "--url", "b"}, "keys url"},
		"an unknown output":     {[]string{"receipt", "verify", "x", "--keys", "a", "-o", "xml"}, "text or json"},
		"no final state":        {[]string{"check", "history.jsonl"}, "final"},
		"neither id nor all":    {[]string{"dead-letters", "redrive"}, "id all"},
		"id and all":            {[]string{"dead-letters", "redrive", "--all", "--id", "x"}, "all id"},
		"discard without yes":   {[]string{"dead-letters", "discard", "--id", "x", "--save", "."}, "yes"},
		"discard with no":       {[]string{"dead-letters", "discard", "--id", "x", "--save", ".", "--yes=false"}, "--yes"},
		"discard without save":  {[]string{"dead-letters", "discard", "--id", "x", "--yes"}, "save"},
		"no limit":              {[]string{"dead-letters", "list", "--limit", "0"}, "--limit"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cli(t, "", "", tc.args...).want(t, exitUnknown, "eventflow: ", tc.want)
		})
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"", "receipt verify", "receipt keys", "dead-letters", "dead-letters redrive", "dead-letters discard", "check",
	} {
		args := append(strings.Fields(command), "--help")
		cli(t, "", "", args...).want(t, exitOK, "Exit status: 0", "Usage:")
	}
	cli(t, "", "", "--version").want(t, exitOK, "eventflow version")
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Áda €": "Áda €", "\x1b[2Jgone\r\n": "·[2Jgone··", "\xff\u009b\u2028": "···", "": "",
	} {
		if got := plain(text); got != want {
			t.Errorf("plain(%q) = %q, want %q", text, got, want)
		}
	}
}
