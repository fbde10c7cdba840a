package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
)

const reportTimeout = 5 * time.Second

// salesSQL sums each tier's confirmed orders. An order without amount or currency
// counts as incomplete, never as zero revenue; a tier whose every order is incomplete has none.
const salesSQL = `
SELECT e.id, e.name, t.id, coalesce(s.orders, 0), coalesce(s.tickets, 0),
       CASE WHEN s.orders IS NULL THEN 0 ELSE s.revenue END, coalesce(s.currency, t.currency), coalesce(s.incomplete, 0)
  FROM events e
  JOIN tiers t ON t.event_id = e.id
  LEFT JOIN (
       SELECT event_id, tier_id, count(*) AS orders, sum(quantity)::bigint AS tickets,
              (sum(amount) FILTER (WHERE currency IS NOT NULL))::bigint AS revenue,
              min(currency) AS currency,
              count(*) FILTER (WHERE amount IS NULL OR currency IS NULL) AS incomplete
         FROM orders
        WHERE status = 'CONFIRMED'
        GROUP BY event_id, tier_id) s ON s.event_id = t.event_id AND s.tier_id = t.id
 ORDER BY e.id COLLATE "C", t.id COLLATE "C"`

var _ report.Books = (*Books)(nil)

// Books reads reports from PostgreSQL and cannot write.
type Books struct{ pool *pgxpool.Pool }

// NewBooks returns the reports behind pool. They are heavy: give them a pool of their own.
func NewBooks(pool *pgxpool.Pool) *Books { return &Books{pool: pool} }

// SalesByTier implements report.Books.
func (b *Books) SalesByTier(ctx context.Context) ([]report.TierSales, error) {
	var sales []report.TierSales
	err := withConn(ctx, b.pool, reportTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, salesSQL)
			if err != nil {
				return err
			}
			sales, err = pgx.CollectRows(rows, scanTierSales)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("sum sales by tier: %w", err)
	}
	return sales, nil
}

func scanTierSales(row pgx.CollectableRow) (report.TierSales, error) {
	var s report.TierSales
	err := row.Scan(&s.EventID, &s.EventName, &s.TierID, &s.Orders, &s.Tickets, &s.Revenue, &s.Currency, &s.Incomplete)
	return s, err
}
