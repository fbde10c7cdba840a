package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/eventflow-dev/eventflow/services/internal/config"
	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
)

const (
	urlFileVariable = config.Prefix + "RABBITMQ_URL_FILE"
	// urlFileDefault is where the pods have it.
	urlFileDefault = "/etc/eventflow/rabbitmq/url"

	// listLimit and searchLimit are how many letters are looked at, unless told.
	listLimit   = 100
	searchLimit = 10_000
)

// letterbox is where dead letters lie.
type letterbox interface {
	// Visit shows up to limit letters to decide and does with each what it says; see
	// rabbitmq.DeadLetters.
	Visit(ctx context.Context, limit int, decide func(rabbitmq.Letter) (rabbitmq.Fate, error)) (rabbitmq.Tally, error)
}

func openBroker(url string) letterbox {
	return rabbitmq.NewDeadLetters(url, rabbitmq.Options{Name: "eventflow-dead-letters"})
}

// broker is how the subcommands reach the letters.
type broker struct {
	getenv  func(string) string
	open    func(url string) letterbox
	urlFile string
	timeout time.Duration
}

func newDeadLetters(getenv func(string) string, open func(string) letterbox) *cobra.Command {
	b := &broker{getenv: getenv, open: open}
	c := group("dead-letters", "Look at messages that could not be written, and redrive them",
		newLettersList(b), newLettersShow(b), newLettersRedrive(b), newLettersDiscard(b))
	c.Long = c.Short + `.

The consumer parks a message that it can never write in the queue purchases.dead. An order in there was
accepted and is not in the ledger: it must be redriven once its reason is mended, or settled with its buyer.
Letters hold a buyer's name and address.

` + exitHelp
	c.PersistentFlags().StringVar(&b.urlFile, "amqp-url-file", "",
		"`FILE` with the broker's URL (default: what "+urlFileVariable+" says, else "+urlFileDefault+")")
	c.PersistentFlags().DurationVar(&b.timeout, "timeout", time.Minute, "how long all of it may take")
	return c
}

// visit opens the broker and visits its letters within the timeout.
func (b *broker) visit(c *cobra.Command, limit int, decide func(rabbitmq.Letter) (rabbitmq.Fate, error)) (rabbitmq.Tally, error) {
	if limit < 1 {
		return rabbitmq.Tally{}, errors.New("--limit must be at least 1")
	}
	address, err := b.address()
	if err != nil {
		return rabbitmq.Tally{}, err
	}
	ctx, cancel := context.WithTimeout(c.Context(), b.timeout)
	defer cancel()
	return b.open(address).Visit(ctx, limit, decide)
}

// address reads the broker's URL. No error has any of it, since it holds a password.
func (b *broker) address() (string, error) {
	path := cmp.Or(b.urlFile, b.getenv(urlFileVariable), urlFileDefault)
	text, err := os.ReadFile(path) //nolint:gosec // the operator says which
	if err != nil {
		return "", fmt.Errorf("read the broker's URL: %w", err)
	}
	var secret config.Secret
	if err := secret.UnmarshalText(text); err != nil {
		return "", fmt.Errorf("read the broker's URL: %s: %w", path, err)
	}
	parsed, err := url.Parse(string(secret))
	if err != nil || parsed.Host == "" || !slices.Contains([]string{"amqp", "amqps"}, parsed.Scheme) {
		return "", fmt.Errorf("read the broker's URL: %s does not hold one such as amqp://user:password@host:5672/", path)
	}
	return string(secret), nil
}

// summary says how many letters were looked at, of how many.
func summary(c *cobra.Command, tally rabbitmq.Tally) {
	fmt.Fprintf(c.ErrOrStderr(), "looked at %d of %d letters: %d redriven, %d discarded\n",
		tally.Seen, tally.Waiting, tally.Redriven, tally.Discarded)
}
