//go:build integration

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

// answer is what the test reads of /analytics/revenue.
type answer struct {
	Source         string
	Stale          bool
	Orders         int64
	Tickets        int64
	Revenue        []ticketing.Money
	Incomplete     int64
	PendingKnown   bool              `json:"pending_known"`
	PendingOrders  *int64            `json:"pending_orders"`
	PendingRevenue []ticketing.Money `json:"pending_revenue"`
}

// TestAnalyticsOnRealStores reports what real books and a real arbiter have, null data
// included, and goes on while either is away.
func TestAnalyticsOnRealStores(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	ledger, err := containers.StartPostgres(ctx)
	must(t, err)
	t.Cleanup(func() { _ = ledger.Remove(context.WithoutCancel(ctx)) })
	arbiter, err := containers.StartRedis(ctx)
	must(t, err)
	t.Cleanup(func() { _ = arbiter.Remove(context.WithoutCancel(ctx)) })
	sell(t, ledger.URL(), arbiter.URL())
	url := start(t, ledger.URL(), arbiter.URL())

	until(t, url, `postgres stale=false 2 orders, 4 tickets, [9000 EUR], 1 incomplete; pending true 1 [9000 EUR]`)
	must(t, ledger.Stop(ctx))
	until(t, url, `memory stale=true 2 orders, 4 tickets, [9000 EUR], 1 incomplete; pending true 1 [9000 EUR]`)
	must(t, arbiter.Stop(ctx))
	until(t, url, `memory stale=true 2 orders, 4 tickets, [9000 EUR], 1 incomplete; pending false unknown []`)
	must(t, ledger.Start(ctx))
	until(t, url, `postgres stale=false 2 orders, 4 tickets, [9000 EUR], 1 incomplete; pending false unknown []`)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sell puts one order and one without an amount into the books, and one into the arbiter.
func sell(t *testing.T, postgresURL, redisURL string) {
	t.Helper()
	ctx := t.Context()
	pool, err := postgres.Open(ctx, postgresURL, postgres.Options{})
	must(t, err)
	defer pool.Close()
	client, err := redisstore.Open(redisURL)
	must(t, err)
	defer func() { _ = client.Close() }()
	events := []ticketing.Event{{ID: "aurora", Name: "Aurora", Tiers: []ticketing.Tier{
		{ID: "general", Name: "General", Price: ticketing.Money{Amount: 4500, Currency: "EUR"}, Capacity: 100},
	}}}
	order := func() ticketing.Order {
		return ticketing.Order{
			ID: ticketing.OrderID(uuid.NewString()), EventID: "aurora", TierID: "general", Quantity: 2,
			Buyer: ticketing.Buyer{Email: "ada@example.com", Locale: "es"}, Total: ticketing.Money{Amount: 9000, Currency: "EUR"},
		}
	}
	books, shelf := postgres.NewLedger(pool), redisstore.NewShelf(client)
	must(t, books.Migrate(ctx))
	must(t, books.SaveCatalog(ctx, events))
	written := []ticketing.Order{order(), order()}
	_, err = books.Commit(ctx, written)
	must(t, err)
	_, err = pool.Exec(ctx, "UPDATE orders SET amount = NULL, currency = NULL WHERE order_id = $1", string(written[1].ID))
	must(t, err)
	storetest.OpenSale(t, shelf, "epoch", events)
	outcome, err := redisstore.NewReservations(client, redisstore.Options{OutboxLimit: 10}).
		Reserve(ctx, checkout.Reservation{Order: order(), Fingerprint: "f"})
	must(t, err)
	if outcome.Verdict != checkout.Reserved {
		t.Fatalf("verdict is %d", outcome.Verdict)
	}
}

// start runs the service until the test ends and returns the URL of the total revenue.
func start(t *testing.T, postgresURL, redisURL string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, environ(t, postgresURL, redisURL), writer)
		_ = writer.Close()
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run returned %v", err)
		}
	})
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			var line struct{ Msg, Component, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "Started server" && line.Component == "api" {
				address <- line.Address
			}
		}
	}()
	return "http://" + <-address + "/analytics/revenue"
}

// until waits for the answer that reads as want.
func until(t *testing.T, url, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		got := fetch(ctx, url)
		if got == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not in a minute:\nwant %s\n got %s", want, got)
		case <-ticker.C:
		}
	}
}

func fetch(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	var a answer
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return err.Error()
	}
	pending := "unknown"
	if a.PendingOrders != nil {
		pending = strconv.FormatInt(*a.PendingOrders, 10)
	}
	return strings.Join([]string{
		fmt.Sprintf("%s stale=%v %d orders, %d tickets, %v, %d incomplete;", a.Source, a.Stale, a.Orders, a.Tickets, a.Revenue, a.Incomplete),
		fmt.Sprintf("pending %v %s %v", a.PendingKnown, pending, a.PendingRevenue),
	}, " ")
}
