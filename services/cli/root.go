package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

// What the process ends with.
const (
	exitOK = 0
	// exitNo is an answer: the receipt is not valid, there is no such letter, a promise was broken.
	exitNo = 1
	// exitUnknown is no answer: used wrongly, interrupted, or something needed is not there.
	exitUnknown = 2
)

const exitHelp = `Exit status: 0 the answer is yes, or it is done; 1 the answer is no (not valid,
not found, a promise broken); 2 used wrongly, or it cannot be told.`

// errNo is wrapped by the errors that are an answer.
var errNo = errors.New("no")

// no makes the error of an answer that is no; its text is the whole message.
func no(format string, args ...any) error {
	return answer{fmt.Errorf(format, args...)}
}

type answer struct{ error }

func (answer) Is(target error) bool { return target == errNo }

// system is what a process is given.
type system struct {
	args     []string
	getenv   func(string) string
	in       io.Reader
	out, err io.Writer
}

// run is the whole life of the process, and returns what it ends with.
func run(ctx context.Context, s system) int {
	root := newRoot(s.getenv) //nolint:contextcheck // commands get ctx from ExecuteContext
	root.SetArgs(s.args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		fmt.Fprintln(s.err, "eventflow:", err)
		return exitNo
	default:
		fmt.Fprintln(s.err, "eventflow:", err)
		return exitUnknown
	}
}

func newRoot(getenv func(string) string) *cobra.Command {
	root := group("eventflow", "Verify receipts, look after dead letters, judge a run",
		newReceipt(), newDeadLetters(getenv, openBroker), newCheck())
	root.Long = root.Short + ".\n\n" + exitHelp
	root.Version = telemetry.Version()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// group is a command that does nothing but hold others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return fmt.Errorf("say which command of %q is meant; --help lists them", c.CommandPath())
		},
	}
	c.AddCommand(commands...)
	return c
}

// format is how answers are printed: its zero value is text.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

// String implements pflag.Value.
func (f *format) String() string { return string(*f) }

// Type implements pflag.Value.
func (*format) Type() string { return "text|json" }

// Set implements pflag.Value.
func (f *format) Set(value string) error {
	if !slices.Contains([]format{formatText, formatJSON}, format(value)) {
		return errors.New("must be text or json")
	}
	*f = format(value)
	return nil
}

func outputFlag(c *cobra.Command) *format {
	f := formatText
	c.Flags().VarP(&f, "output", "o", "how to print the answer")
	return &f
}

func printJSON(w io.Writer, body any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(body); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

// plain makes text of others fit for a terminal, which would act on control characters.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(text, "·"))
}
