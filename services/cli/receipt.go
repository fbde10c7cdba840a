package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventflow-dev/eventflow/services/purchase/receipt"
)

const (
	// maxToken bounds a receipt; one has less than a kilobyte.
	maxToken = 64 << 10
	// maxKeys bounds a key set.
	maxKeys = 1 << 20
)

func newReceipt() *cobra.Command {
	return group("receipt", "Verify receipts, without asking any store", newReceiptVerify(), newReceiptKeys())
}

func newReceiptVerify() *cobra.Command {
	var from keySource
	c := &cobra.Command{
		Use:   "verify [TOKEN|-]",
		Short: "Verify a receipt and print what it says",
		Long: "Verify a receipt and print what it says. Without TOKEN it is read from standard input.\n\n" +
			"Only keys that you got from the box office itself prove anything: a receipt does not bring its own.\n\n" + exitHelp,
		Example: "  eventflow receipt verify eyJhbGciOi... --url https://tickets.example.com\n" +
			"  jq -r .receipt answer.json | eventflow receipt verify --keys keys.json",
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&from.file, "keys", "", "`FILE` with the public keys, as \"receipt keys\" saves it")
	c.Flags().StringVar(&from.url, "url", "", "`URL` of the box office, to fetch the public keys from")
	c.MarkFlagsOneRequired("keys", "url")
	c.MarkFlagsMutuallyExclusive("keys", "url")
	output := outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		token, err := readToken(c.InOrStdin(), args)
		if err != nil {
			return err
		}
		keys, err := from.load(c.Context())
		if err != nil {
			return err
		}
		return verify(c.OutOrStdout(), *output, token, keys)
	}
	return c
}

func readToken(in io.Reader, args []string) (string, error) {
	token := "-"
	if len(args) > 0 {
		token = args[0]
	}
	if token == "-" {
		text, err := io.ReadAll(io.LimitReader(in, maxToken))
		if err != nil {
			return "", fmt.Errorf("read the receipt: %w", err)
		}
		token = string(text)
	}
	token = strings.TrimSpace(token)
	if token == "" {
		return "", errors.New("there is no receipt to verify: give it as an argument or on standard input")
	}
	return token, nil
}

// keySource is where public keys come from: a file or a box office.
type keySource struct{ file, url string }

func (s keySource) load(ctx context.Context) (receipt.Keys, error) {
	var jwks []byte
	var err error
	if s.file != "" {
		jwks, err = os.ReadFile(s.file)
		if err != nil {
			return nil, fmt.Errorf("read the receipt keys: %w", err)
		}
	} else if jwks, err = fetchKeys(ctx, s.url); err != nil {
		return nil, err
	}
	return parseKeys(jwks)
}

func parseKeys(jwks []byte) (receipt.Keys, error) {
	keys, err := receipt.ParseKeys(jwks)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no Ed25519 key among the receipt keys")
	}
	return keys, nil
}

// verdict is the answer about one receipt.
type verdict struct {
	Valid   bool            `json:"valid"`
	Reason  string          `json:"reason,omitempty"`
	Receipt *receipt.Claims `json:"receipt,omitempty"`
}

func verify(out io.Writer, output format, token string, keys receipt.Keys) error {
	claims, invalid := receipt.Verify(token, keys)
	if output == formatJSON {
		v := verdict{Valid: true, Receipt: &claims}
		if invalid != nil {
			v = verdict{Reason: invalid.Error()}
		}
		if err := printJSON(out, v); err != nil {
			return err
		}
	}
	if invalid != nil {
		return no("%w", invalid)
	}
	if output == formatText {
		return printClaims(out, claims)
	}
	return nil
}

func printClaims(out io.Writer, c receipt.Claims) error {
	placed := "not said"
	if c.IssuedAt != nil {
		placed = c.IssuedAt.UTC().Format(time.RFC3339)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "This receipt is valid.")
	for _, line := range [][2]string{
		{"order", plain(string(c.OrderID))},
		{"event", plain(c.EventID)},
		{"tier", plain(c.TierID)},
		{"quantity", strconv.Itoa(c.Quantity)},
		{"total", plain(c.Total.String()) + ", in minor units"},
		{"placed", placed},
	} {
		fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
	}
	return table.Flush()
}
