package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

const (
	keysPath = "/.well-known/eventflow-receipts"
	// fetchTimeout is how long a box office may take to show its keys.
	fetchTimeout = 5 * time.Second
)

func newReceiptKeys() *cobra.Command {
	var address, file string
	c := &cobra.Command{
		Use:     "keys",
		Short:   "Save the public keys of a box office, to verify receipts without it",
		Long:    "Save the public keys of a box office, to verify receipts without it. Without --save they are printed.\n\n" + exitHelp,
		Example: "  eventflow receipt keys --url https://tickets.example.com --save keys.json",
		Args:    cobra.NoArgs,
	}
	c.Flags().StringVar(&address, "url", "", "`URL` of the box office")
	c.Flags().StringVar(&file, "save", "", "`FILE` to write")
	// A required flag that is defined above cannot be missing.
	_ = c.MarkFlagRequired("url")
	c.RunE = func(c *cobra.Command, _ []string) error {
		jwks, err := fetchKeys(c.Context(), address)
		if err != nil {
			return err
		}
		keys, err := parseKeys(jwks)
		if err != nil {
			return err
		}
		if file == "" {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", jwks)
			return err
		}
		if err := replaceFile(file, jwks); err != nil {
			return fmt.Errorf("save the receipt keys: %w", err)
		}
		fmt.Fprintf(c.ErrOrStderr(), "saved %d receipt keys in %s\n", len(keys), file)
		return nil
	}
	return c
}

// fetchKeys asks the box office at address for its key set.
func fetchKeys(ctx context.Context, address string) ([]byte, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%q is no URL of a box office: give one such as https://tickets.example.com", address)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath(keysPath).String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("fetch the receipt keys: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch the receipt keys: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch the receipt keys from %s: answered %s", request.URL, response.Status)
	}
	jwks, err := io.ReadAll(io.LimitReader(response.Body, maxKeys))
	if err != nil {
		return nil, fmt.Errorf("fetch the receipt keys from %s: %w", request.URL, err)
	}
	return jwks, nil
}

// replaceFile writes the file as a whole or not at all.
func replaceFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".eventflow-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already where all went well
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
