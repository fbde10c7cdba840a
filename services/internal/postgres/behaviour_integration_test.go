//go:build integration

package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

// slack is what a busy machine may add to a deadline.
const slack = 2 * time.Second

func newOrder() ticketing.Order {
	return storetest.NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "general"}, 1)
}

// TestOutage: PostgreSQL stopped, killed and frozen under one pool. Every call says
// ErrUnavailable within its own deadline, and works again on the same pool afterwards.
//
//nolint:tparallel,paralleltest // its parts break one server in turn
func TestOutage(t *testing.T) {
	t.Parallel()
	server, err := containers.StartPostgres(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, server.Remove(context.WithoutCancel(t.Context()))) })
	pool := openPool(t, server.URL())
	ledger := newLedger(t, pool)

	for _, fault := range []struct {
		name        string
		begin, mend func(context.Context) error
	}{
		{"stopped", server.Stop, server.Start},
		{"killed", server.Kill, server.Start},
		{"frozen", server.Pause, server.Unpause},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := newOrder()
			commit(t, ledger, before)
			must(t, fault.begin(t.Context()))
			wantUnavailable(t, ledger, before)
			must(t, fault.mend(t.Context()))
			eventually(t, "the ledger takes writes", func() bool { return ledger.Ping(t.Context()) == nil })
			commit(t, ledger, newOrder())
			if settlements := commit(t, ledger, before); settlements[0].New {
				t.Error("an order from before the outage was written again")
			}
		})
	}
}

func wantUnavailable(t *testing.T, ledger *postgres.Ledger, order ticketing.Order) {
	t.Helper()
	for _, call := range []struct {
		name     string
		deadline time.Duration
		do       func() error
	}{
		{"commit", 5 * time.Second, func() error {
			_, err := ledger.Commit(t.Context(), []ticketing.Order{newOrder()})
			return err
		}},
		{"ping", 2 * time.Second, func() error { return ledger.Ping(t.Context()) }},
		{"lookup", time.Second, func() error {
			_, err := ledger.Lookup(t.Context(), order.ID)
			return err
		}},
		{"catalog", 3 * time.Second, func() error {
			_, err := ledger.Catalog(t.Context())
			return err
		}},
	} {
		begun := time.Now()
		err := call.do()
		if took := time.Since(begun); took > call.deadline+slack {
			t.Errorf("%s took %s, its deadline is %s", call.name, took, call.deadline)
		}
		if !errors.Is(err, fulfil.ErrUnavailable) || !errors.Is(err, checkout.ErrUnavailable) || errors.Is(err, checkout.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrUnavailable", call.name, err)
		}
	}
}

// TestReadOnly: after a failover an open connection may lead to a replica.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	ledger := newLedger(t, pool)
	var database string
	must(t, pool.QueryRow(t.Context(), "SELECT current_database()").Scan(&database))

	_, err := pool.Exec(t.Context(), "ALTER DATABASE "+database+" SET default_transaction_read_only = on")
	must(t, err)
	pool.Reset() // new connections see it
	_, err = ledger.Commit(t.Context(), []ticketing.Order{newOrder()})
	if !errors.Is(err, fulfil.ErrUnavailable) {
		t.Errorf("commit: got %v, want ErrUnavailable", err)
	}
	// The pool takes a closed connection out in the background.
	eventually(t, "no connection to the replica is kept", func() bool { return pool.Stat().TotalConns() == 0 })
	if err := ledger.Ping(t.Context()); !errors.Is(err, fulfil.ErrUnavailable) {
		t.Errorf("ping: got %v, want ErrUnavailable", err)
	}
	_, err = pool.Exec(t.Context(), "BEGIN READ WRITE; ALTER DATABASE "+database+" RESET default_transaction_read_only; COMMIT")
	must(t, err)
	pool.Reset()
	must(t, ledger.Ping(t.Context()))
	commit(t, ledger, newOrder())
}

// TestCallersDeadline: a caller that gives up is not kept, and takes nothing with it.
func TestCallersDeadline(t *testing.T) {
	t.Parallel()
	ledger := newLedger(t, newDatabase(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ledger.Commit(ctx, []ticketing.Order{newOrder()}); !errors.Is(err, fulfil.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	commit(t, ledger, newOrder())
}

// TestNotMigrated: orders are not to blame for a schema that is not there yet.
func TestNotMigrated(t *testing.T) {
	t.Parallel()
	ledger := postgres.NewLedger(newDatabase(t))
	if _, err := ledger.Commit(t.Context(), []ticketing.Order{newOrder()}); !errors.Is(err, fulfil.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

// TestNullDataInReports: rows that were brought in from elsewhere may lack an amount.
func TestNullDataInReports(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	ledger := newLedger(t, pool)
	commit(t, ledger, newOrder(), newOrder())
	_, err := pool.Exec(t.Context(), `
		INSERT INTO orders (order_id, status, event_id, tier_id, quantity, amount, currency, email, name, locale, promo_code, node, placed_at)
		VALUES (gen_random_uuid(), 'CONFIRMED', 'aurora', 'general', 3, NULL, 'EUR', '', '', 'en', '', '', now())`)
	must(t, err)
	sales, err := postgres.NewBooks(pool).SalesByTier(t.Context())
	must(t, err)
	for _, s := range sales {
		if s.TierID != "general" {
			continue
		}
		if s.Orders != 3 || s.Tickets != 5 || s.Incomplete != 1 || s.Revenue == nil || *s.Revenue != 9000 {
			t.Errorf("got %+v, want 3 orders, 5 tickets, 9000 of revenue and 1 incomplete", s)
		}
	}
}

// TestTicketsAndGuard: one row a seat, and the database's own guard behind everything.
func TestTicketsAndGuard(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	ledger := newLedger(t, pool)
	order := newOrder()
	order.Quantity = 4
	refused := newOrder()
	refused.Quantity = 1000
	for range 2 {
		commit(t, ledger, order, refused)
	}
	var tickets int
	must(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM tickets").Scan(&tickets))
	if tickets != 4 {
		t.Errorf("%d tickets, want 4", tickets)
	}
	if _, err := pool.Exec(t.Context(), "UPDATE tiers SET sold = capacity + 1"); err == nil {
		t.Error("the schema let a tier sell more than its capacity")
	}
}

// TestCancelledTickets: a cancelled order has no tickets, and its tier none sold.
func TestCancelledTickets(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	ledger := newLedger(t, pool)
	confirmed, early, kept := newOrder(), newOrder(), newOrder()
	commit(t, ledger, confirmed, kept)
	confirmed.Cancelled, early.Cancelled = true, true
	for range 2 {
		commit(t, ledger, confirmed, early)
	}
	var tickets, sold int
	must(t, pool.QueryRow(t.Context(), "SELECT count(*), (SELECT sum(sold) FROM tiers) FROM tickets").Scan(&tickets, &sold))
	if tickets != kept.Quantity || sold != kept.Quantity {
		t.Errorf("%d tickets and %d sold, want the %d of the order that was kept", tickets, sold, kept.Quantity)
	}
}

func newLedger(t *testing.T, pool *pgxpool.Pool) *postgres.Ledger {
	t.Helper()
	ledger := postgres.NewLedger(pool)
	must(t, ledger.Migrate(t.Context()))
	must(t, ledger.SaveCatalog(t.Context(), storetest.Catalog()))
	return ledger
}

func commit(t *testing.T, ledger *postgres.Ledger, orders ...ticketing.Order) []fulfil.Settlement {
	t.Helper()
	settlements, err := ledger.Commit(t.Context(), orders)
	must(t, err)
	return settlements
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 45 s", what)
		case <-ticker.C:
		}
	}
}
