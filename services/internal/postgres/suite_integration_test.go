//go:build integration

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

// shared is the server that tests use side by side, each in a database of its own. A
// test that breaks a server starts one for itself.
var shared *containers.Postgres

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "postgres:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if shared, err = containers.StartPostgres(ctx); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, shared.Remove(ctx)) }()
	return m.Run(), goleak.Find()
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 8, ApplicationName: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func newDatabase(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url, err := shared.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return openPool(t, url)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.RunLedger(t, func(t *testing.T) storetest.Ledger {
		t.Helper()
		pool := newDatabase(t)
		ledger := postgres.NewLedger(pool)
		return storetest.Ledger{
			Ledger: ledger, Orders: ledger, Shop: ledger, Opening: ledger,
			Reports: postgres.NewBooks(pool), Emails: postgres.NewEmailOutbox(pool),
			Elapse: func(t *testing.T, d time.Duration) {
				t.Helper()
				if _, err := pool.Exec(t.Context(), "UPDATE email_outbox SET due_at = due_at - $1::interval", d); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}
