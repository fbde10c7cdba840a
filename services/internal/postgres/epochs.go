package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	epochTimeout = 3 * time.Second
	// pageTimeout is below the server's own bound for a statement.
	pageTimeout = 8 * time.Second
)

const (
	// openEpochSQL inserts nothing where the epoch is known, whether open or ended, or
	// another one is open.
	openEpochSQL = `INSERT INTO epochs (epoch) SELECT $1 WHERE $1 <> '' ON CONFLICT DO NOTHING`

	presentEpochSQL = `SELECT coalesce((SELECT epoch FROM epochs WHERE ended_at IS NULL), '')`

	endEpochSQL = `
INSERT INTO epochs (epoch, ended_at) VALUES ($1, now())
ON CONFLICT (epoch) DO UPDATE SET ended_at = coalesce(epochs.ended_at, excluded.ended_at)`

	soldSQL = `SELECT event_id, id, sold FROM tiers WHERE sold > 0`

	settledSQL = `SELECT ` + orderColumns + `, now() - o.committed_at
  FROM orders o
 WHERE o.order_id > $1
 ORDER BY o.order_id
 LIMIT $2`
)

// OpenEpoch implements opening.Books.
func (l *Ledger) OpenEpoch(ctx context.Context, epoch string) (string, error) {
	var open string
	err := withConn(ctx, l.pool, epochTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, openEpochSQL, epoch); err != nil {
			return err
		}
		return conn.QueryRow(ctx, presentEpochSQL).Scan(&open)
	})
	if err != nil {
		return "", fmt.Errorf("open epoch %q: %w", epoch, err)
	}
	return open, nil
}

// EndEpoch implements opening.Books.
func (l *Ledger) EndEpoch(ctx context.Context, epoch string) error {
	err := withConn(ctx, l.pool, epochTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, endEpochSQL, epoch)
		return err
	})
	if err != nil {
		return fmt.Errorf("end epoch %q: %w", epoch, err)
	}
	return nil
}

// Sold implements opening.Books.
func (l *Ledger) Sold(ctx context.Context) (map[ticketing.TierKey]int, error) {
	sold := map[ticketing.TierKey]int{}
	err := withConn(ctx, l.pool, epochTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, soldSQL)
		if err != nil {
			return err
		}
		var tier ticketing.TierKey
		var seats int
		_, err = pgx.ForEachRow(rows, []any{&tier.EventID, &tier.TierID, &seats}, func() error {
			sold[tier] = seats
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count what is sold: %w", err)
	}
	return sold, nil
}

// Settled implements opening.Books.
func (l *Ledger) Settled(ctx context.Context, after ticketing.OrderID, limit int) ([]opening.Record, error) {
	var from uuid.UUID // the least of all
	if after != "" {
		var err error
		if from, err = orderKey(after); err != nil {
			return nil, fmt.Errorf("read settled orders: %w", err)
		}
	}
	var records []opening.Record
	err := withConn(ctx, l.pool, pageTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, settledSQL, from, limit)
		if err != nil {
			return err
		}
		records, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (opening.Record, error) {
			var r checkout.Record
			var age time.Duration
			err := scanOrder(row, &r, &age)
			return opening.Record{Order: r.Order, State: r.State, Age: age}, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read settled orders: %w", err)
	}
	return records, nil
}
