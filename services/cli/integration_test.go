//go:build integration

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventflow-dev/eventflow/test/framework/containers"
	"github.com/eventflow-dev/eventflow/test/framework/processes"
)

// TestReceiptsAreVerifiedWithEveryStoreDown asks a purchase service that has no store.
func TestReceiptsAreVerifiedWithEveryStoreDown(t *testing.T) {
	t.Parallel()
	t.Cleanup(processes.Cleanup)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	service := processes.Purchase(t, "purchase-0", processes.Stores{
		Postgres: "postgres://user:secret@127.0.0.1:1/eventflow?sslmode=disable",
		Redis:    "redis://:secret@127.0.0.1:1/0", RabbitMQ: "amqp://user:secret@127.0.0.1:1/",
	})
	token := sign(t, signer(t, 2)) // the key of every service that a test starts
	cli(t, "", "", "receipt", "verify", token, "--url", service.URL).want(t, exitOK, "valid", "aurora")
	cli(t, "", "", "receipt", "verify", sign(t, signer(t, 3)), "--url", service.URL).want(t, exitNo, "is not known")
}

// TestDeadLettersOnARealBroker walks the runbook.
func TestDeadLettersOnARealBroker(t *testing.T) {
	t.Parallel()
	broker, err := containers.StartRabbitMQ(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Remove(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	urlFile := file(t, "url", broker.URL())
	do := func(code int, want string, args ...string) {
		t.Helper()
		cli(t, "", urlFile, append([]string{"dead-letters"}, args...)...).want(t, code, want)
	}
	do(exitOK, "0 of 0 letters", "list")
	channel := park(t, broker.URL(), "o-1", "o-2", "o-3")
	awaitList(t, urlFile, "3 of 3 letters")
	do(exitOK, "order_id", "show", "--id", "o-2")
	awaitList(t, urlFile, "3 of 3 letters")
	do(exitOK, "would redrive o-2", "redrive", "--id", "o-2", "--dry-run")
	awaitList(t, urlFile, "3 of 3 letters")
	do(exitOK, "1 redriven", "redrive", "--id", "o-2")
	awaitList(t, urlFile, "2 of 2 letters")
	folder := t.TempDir()
	do(exitOK, "1 discarded", "discard", "--id", "o-1", "--yes", "--save", folder)
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("saved %v, %v", files, err)
	}
	awaitList(t, urlFile, "1 of 1 letters")
	do(exitOK, "1 redriven", "redrive", "--all")
	awaitList(t, urlFile, "0 of 0 letters")
	for _, want := range []string{"o-2", "o-3"} {
		d, found, err := channel.Get("purchases", true)
		if err != nil || !found || d.MessageId != want || d.DeliveryMode != amqp.Persistent {
			t.Errorf("the purchase queue has %q (%t), %v; want %s", d.MessageId, found, err, want)
		}
	}
}

// park puts messages into the dead-letter queue.
func park(t *testing.T, url string, ids ...string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	channel, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := channel.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		confirm, err := channel.PublishWithDeferredConfirm("", "purchases.dead", true, false, amqp.Publishing{
			Body: fmt.Appendf(nil, `{"v":9,"order":{"order_id":%q}}`, id), Headers: amqp.Table{"x-reason": "version 9, known is 1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if acked, err := confirm.WaitContext(t.Context()); err != nil || !acked {
			t.Fatalf("park %s: %t, %v", id, acked, err)
		}
	}
	return channel
}

// awaitList waits until a list says so: letters come back once the broker has noticed
// that whoever held them is gone.
func awaitList(t *testing.T, urlFile, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		r := cli(t, "", urlFile, "dead-letters", "list")
		if r.code == exitOK && strings.Contains(r.out, want) {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("the list never says %q: %s%s", want, r.out, r.err)
		}
	}
}
