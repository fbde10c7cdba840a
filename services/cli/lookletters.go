package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
)

// beginningLength is how many bytes of a letter a list shows: enough to see what it is.
const beginningLength = 48

// letterLine is a letter in a list.
type letterLine struct {
	ID        string    `json:"id"`
	ParkedAt  time.Time `json:"parked_at,omitzero"`
	Size      int       `json:"size"`
	Reason    string    `json:"reason,omitempty"`
	Beginning string    `json:"beginning"`
}

func newLetterLine(l rabbitmq.Letter) letterLine {
	return letterLine{
		ID: l.ID, ParkedAt: l.ParkedAt, Size: len(l.Body), Reason: l.Reason,
		Beginning: plain(string(l.Body[:min(len(l.Body), beginningLength)])),
	}
}

func newLettersList(b *broker) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "List letters, the oldest first, and leave them where they are", Args: cobra.NoArgs,
	}
	c.Flags().IntVar(&limit, "limit", listLimit, "how many to list at most")
	output := outputFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		lines := []letterLine{}
		tally, err := b.visit(c, limit, func(l rabbitmq.Letter) (rabbitmq.Fate, error) {
			lines = append(lines, newLetterLine(l))
			return rabbitmq.Keep, nil
		})
		if err != nil {
			return err
		}
		if *output == formatJSON {
			return printJSON(c.OutOrStdout(), struct {
				Waiting int          `json:"waiting"`
				Letters []letterLine `json:"letters"`
			}{tally.Waiting, lines})
		}
		return printLines(c.OutOrStdout(), lines, tally)
	}
	return c
}

func printLines(out io.Writer, lines []letterLine, tally rabbitmq.Tally) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(lines) > 0 {
		fmt.Fprintln(table, "ID\tPARKED\tBYTES\tREASON\tBEGINS")
	}
	for _, l := range lines {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", plain(l.ID), when(l.ParkedAt), l.Size, plain(l.Reason), l.Beginning)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d of %d letters\n", len(lines), tally.Waiting)
	return err
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func newLettersShow(b *broker) *cobra.Command {
	var ids []string
	var limit int
	c := &cobra.Command{
		Use: "show", Short: "Show whole letters, and leave them where they are", Args: cobra.NoArgs,
		Example: "  eventflow dead-letters show --id 01a20aed-685d-7afd-aa8c-4e83cfeac4ce -o json >letter.json",
	}
	idFlag(c, &ids)
	searchFlag(c, &limit)
	// A required flag that is defined above cannot be missing.
	_ = c.MarkFlagRequired("id")
	output := outputFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		wanted := newSearch(ids)
		letters := []rabbitmq.Letter{}
		tally, err := b.visit(c, limit, func(l rabbitmq.Letter) (rabbitmq.Fate, error) {
			if wanted.has(l) {
				letters = append(letters, l)
			}
			return rabbitmq.Keep, nil
		})
		if err != nil {
			return err
		}
		if *output == formatJSON {
			err = printJSON(c.OutOrStdout(), letters)
		} else {
			err = printLetters(c.OutOrStdout(), letters)
		}
		if err != nil {
			return err
		}
		return wanted.missing(tally)
	}
	return c
}

func printLetters(out io.Writer, letters []rabbitmq.Letter) error {
	for _, l := range letters {
		body := string(l.Body)
		if body != plain(body) {
			body = hex.Dump(l.Body)
		}
		_, err := fmt.Fprintf(out, "id: %s\nparked: %s\nreason: %s\nbytes: %d\n\n%s\n\n",
			plain(l.ID), when(l.ParkedAt), plain(l.Reason), len(l.Body), body)
		if err != nil {
			return err
		}
	}
	return nil
}
