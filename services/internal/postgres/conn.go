package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// rollbackTimeout bounds the clean-up after a failed transaction, which runs even when
// the caller's context has ended.
const rollbackTimeout = time.Second

// withConn runs step on one connection within timeout and classifies its error. A
// connection whose server will not take it back is destroyed; one that is
// left inside a transaction is rolled back.
func withConn(ctx context.Context, pool *pgxpool.Pool, timeout time.Duration, step func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	acquired, err := pool.Acquire(ctx)
	if err != nil {
		return classify(err)
	}
	defer acquired.Release()
	conn := acquired.Conn()
	if err := step(ctx, conn); err != nil {
		cleanUp(ctx, conn, err)
		return classify(err)
	}
	return nil
}

func cleanUp(ctx context.Context, conn *pgx.Conn, cause error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if spoils(cause) {
		_ = conn.Close(ctx) // the pool drops a closed connection; there is nobody to tell
		return
	}
	const inTransaction, inFailedTransaction = 'T', 'E'
	switch status := conn.PgConn().TxStatus(); {
	case conn.IsClosed():
	case status == inTransaction || status == inFailedTransaction:
		_, _ = conn.Exec(ctx, "ROLLBACK") // should it fail, the pool drops the connection
	}
}
