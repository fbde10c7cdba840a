package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
)

func idFlag(c *cobra.Command, ids *[]string) {
	c.Flags().StringArrayVar(ids, "id", nil, "`ID` of a letter, as \"list\" shows it; may be given more than once")
}

func searchFlag(c *cobra.Command, limit *int) {
	c.Flags().IntVar(limit, "limit", searchLimit, "how many letters to look at, at most")
}

// search looks for letters by id.
type search struct{ wanted, found []string }

func newSearch(ids []string) *search { return &search{wanted: ids} }

// has reports whether the letter is looked for, and remembers it.
func (s *search) has(l rabbitmq.Letter) bool {
	if !slices.Contains(s.wanted, l.ID) {
		return false
	}
	s.found = append(s.found, l.ID)
	return true
}

// missing is the error of ids that were not found.
func (s *search) missing(tally rabbitmq.Tally) error {
	var missing []string
	for _, id := range s.wanted {
		if !slices.Contains(s.found, id) {
			missing = append(missing, id)
		}
	}
	switch {
	case len(missing) == 0:
		return nil
	case tally.Seen < tally.Waiting:
		return fmt.Errorf("%s is not among the first %d of %d letters: raise --limit", strings.Join(missing, ", "), tally.Seen, tally.Waiting)
	default:
		return no("there is no letter %s", strings.Join(missing, ", "))
	}
}

func newLettersRedrive(b *broker) *cobra.Command {
	var ids []string
	var all, dryRun bool
	var limit int
	c := &cobra.Command{
		Use: "redrive", Short: "Put letters into the purchase queue again", Args: cobra.NoArgs,
		Long: `Put letters into the purchase queue again. Each is taken out of purchases.dead only once the
broker has confirmed that the purchase queue keeps it. To do it twice is harmless: the ledger takes an order once.
What still cannot be written comes back here.

` + exitHelp,
		Example: "  eventflow dead-letters redrive --all --dry-run\n  eventflow dead-letters redrive --id 01a20aed-685d-7afd-aa8c-4e83cfeac4ce",
	}
	idFlag(c, &ids)
	searchFlag(c, &limit)
	c.Flags().BoolVar(&all, "all", false, "redrive every letter that is there now")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be redriven")
	c.MarkFlagsOneRequired("id", "all")
	c.MarkFlagsMutuallyExclusive("id", "all")
	c.RunE = func(c *cobra.Command, _ []string) error {
		wanted := newSearch(ids)
		tally, err := b.visit(c, limit, func(l rabbitmq.Letter) (rabbitmq.Fate, error) {
			if !all && !wanted.has(l) {
				return rabbitmq.Keep, nil
			}
			if dryRun {
				_, err := fmt.Fprintln(c.OutOrStdout(), "would redrive", plain(l.ID))
				return rabbitmq.Keep, err
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), "redriving", plain(l.ID))
			return rabbitmq.Redrive, err
		})
		summary(c, tally)
		if err != nil {
			return err
		}
		return wanted.missing(tally)
	}
	return c
}

func newLettersDiscard(b *broker) *cobra.Command {
	var ids []string
	var folder string
	var yes bool
	var limit int
	c := &cobra.Command{
		Use: "discard", Short: "Save letters in files and take them out of the queue for good", Args: cobra.NoArgs,
		Long: `Save letters in files and take them out of the queue for good. An order that is discarded was
promised to a buyer and will never be in the ledger.

` + exitHelp,
	}
	idFlag(c, &ids)
	searchFlag(c, &limit)
	c.Flags().StringVar(&folder, "save", "", "`DIR` to write each letter to, before it is taken out")
	c.Flags().BoolVar(&yes, "yes", false, "yes, these orders will never be in the ledger")
	for _, name := range []string{"id", "save", "yes"} {
		// A required flag that is defined above cannot be missing.
		_ = c.MarkFlagRequired(name)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if !yes || folder == "" {
			return errors.New("nothing is discarded without --yes and a folder to --save it in")
		}
		wanted := newSearch(ids)
		tally, err := b.visit(c, limit, func(l rabbitmq.Letter) (rabbitmq.Fate, error) {
			if !wanted.has(l) {
				return rabbitmq.Keep, nil
			}
			file, err := saveLetter(folder, l)
			if err != nil {
				return rabbitmq.Keep, err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "discarding %s, saved in %s\n", plain(l.ID), file)
			return rabbitmq.Discard, err
		})
		summary(c, tally)
		if err != nil {
			return err
		}
		return wanted.missing(tally)
	}
	return c
}

// saveLetter writes the letter to a new file of the folder, out to the disk.
func saveLetter(folder string, l rabbitmq.Letter) (string, error) {
	content, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return "", fmt.Errorf("save letter %s: %w", l.ID, err)
	}
	file, err := os.CreateTemp(folder, fileName(l.ID)+"-*.json")
	if err != nil {
		return "", fmt.Errorf("save letter %s: %w", l.ID, err)
	}
	_, err = file.Write(append(content, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", fmt.Errorf("save letter %s: %w", l.ID, err)
	}
	return file.Name(), nil
}

// fileName keeps of an id what is harmless in a file's name, and not too much of it.
func fileName(id string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		default:
			return '_'
		}
	}, id)
	return "letter-" + name[:min(len(name), 64)]
}
