package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/eventflow-dev/eventflow/services/history"
)

func newCheck() *cobra.Command {
	var finalFile string
	c := &cobra.Command{
		Use:   "check HISTORY.jsonl",
		Short: "Compare what buyers were told with what the stores have",
		Long: `Compare what buyers were told with what the stores have, print the table, and
name each promise that was broken.

HISTORY.jsonl has one JSON object for each request:
  {"buyer", "event_id", "tier", "quantity", "order_id", "answer", "code", "invoked", "completed"}
where answer is CONFIRMED, ACCEPTED_ASYNC, REFUSED or UNKNOWN.

FINAL.json is the state of the stores once queue and outbox are empty:
  {"rows": [{"order_id", "buyer", "event_id", "tier", "quantity", "state"}],
   "tiers": [{"event_id", "tier", "capacity", "stock"}], "dead_letters": ["order id"]}

` + exitHelp,
		Example: "  eventflow check history.jsonl --final final.json",
		Args:    cobra.ExactArgs(1),
	}
	c.Flags().StringVar(&finalFile, "final", "", "`FILE` with the state of the stores")
	// A required flag that is defined above cannot be missing.
	_ = c.MarkFlagRequired("final")
	c.RunE = func(c *cobra.Command, args []string) error {
		operations, err := readFile(args[0], history.Read)
		if err != nil {
			return err
		}
		final, err := readFile(finalFile, history.ReadFinal)
		if err != nil {
			return err
		}
		if len(operations) == 0 {
			return fmt.Errorf("%s has no operations: it proves nothing", args[0])
		}
		return judge(c.OutOrStdout(), history.Check(operations, final))
	}
	return c
}

func judge(out io.Writer, report history.Report) error {
	fmt.Fprintln(out, report)
	for _, v := range report.Violations {
		fmt.Fprintf(out, "%s: %s\n", v.Kind, plain(v.Detail))
	}
	if !report.Passed() {
		return no("%d promises were broken", len(report.Violations))
	}
	return nil
}

func readFile[T any](path string, read func(io.Reader) (T, error)) (T, error) {
	file, err := os.Open(path) //nolint:gosec // the caller says which
	if err != nil {
		var none T
		return none, err
	}
	defer file.Close()
	content, err := read(file)
	if err != nil {
		return content, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}
