package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/failpoint"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// A commit is two round trips: the first locks the tiers and inserts the orders, the
// second writes what follows from which of them are new and still fit. Tiers are locked in one
// order by everybody, and before anything else, so that two consumers cannot deadlock.
// A tier that is not there is found here: orders have no foreign key.
const (
	lockTiersSQL = `
SELECT t.event_id, t.id, t.capacity - t.sold
  FROM tiers t JOIN unnest($1::text[], $2::text[]) AS k (event_id, id) ON t.event_id = k.event_id AND t.id = k.id
 ORDER BY t.event_id, t.id
   FOR NO KEY UPDATE OF t`

	insertOrdersSQL = `
INSERT INTO orders (order_id, status, event_id, tier_id, quantity, amount, currency,
                    email, name, locale, promo_code, node, placed_at)
SELECT order_id, 'CONFIRMED', event_id, tier_id, quantity, amount, nullif(currency, ''),
       email, name, locale, promo_code, node, placed_at
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
              $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[])
    AS o (order_id, event_id, tier_id, quantity, amount, currency, email, name, locale, promo_code, node, placed_at)
ON CONFLICT (order_id) DO NOTHING
RETURNING order_id`

	refuseOrdersSQL = `UPDATE orders SET status = 'REFUSED' WHERE order_id = ANY($1::uuid[])`

	sellSQL = `
UPDATE tiers t SET sold = t.sold + k.quantity
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS k (event_id, id, quantity)
 WHERE t.event_id = k.event_id AND t.id = k.id`

	insertTicketsSQL = `
INSERT INTO tickets (order_id, seat)
SELECT k.order_id, s.seat
  FROM unnest($1::uuid[], $2::bigint[]) AS k (order_id, quantity), generate_series(1, k.quantity) AS s (seat)`

	insertEmailsSQL = `
INSERT INTO email_outbox (order_id, kind)
SELECT order_id, kind FROM unnest($1::uuid[], $2::text[]) AS e (order_id, kind)
ON CONFLICT (order_id, kind) DO NOTHING`

	storedStatesSQL = `SELECT order_id, status FROM orders WHERE order_id = ANY($1::uuid[])`
)

// Commit implements fulfil.Ledger.
func (l *Ledger) Commit(ctx context.Context, orders []ticketing.Order) ([]fulfil.Settlement, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	batch, err := newOrderBatch(orders)
	if err != nil {
		return nil, fmt.Errorf("commit %d orders: %w", len(orders), &fulfil.RejectedError{Err: err})
	}
	var settlements []fulfil.Settlement
	err = withConn(ctx, l.pool, commitTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		left, fresh, err := insertOrders(ctx, conn, batch)
		if err != nil {
			return err
		}
		failpoint.Here(failpoint.AfterBegin)
		decision := decide(batch, fresh, left)
		stored, err := writeDecision(ctx, conn, decision)
		if err != nil {
			return err
		}
		settlements, err = settle(batch, decision, stored)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("commit %d orders: %w", len(orders), err)
	}
	return settlements, nil
}

// insertOrders begins the transaction, locks the tiers and inserts the orders. It
// returns how many seats each tier has left and which orders were not there before.
func insertOrders(ctx context.Context, conn *pgx.Conn, b orderBatch) (map[ticketing.TierKey]int64, map[uuid.UUID]bool, error) {
	events, tiers := b.tiers()
	pipeline := &pgx.Batch{}
	pipeline.Queue("BEGIN")
	pipeline.Queue(lockTiersSQL, events, tiers)
	pipeline.Queue(insertOrdersSQL, b.columns()...)
	results := conn.SendBatch(ctx, pipeline)
	left, fresh, err := readInserted(results, b)
	return left, fresh, errors.Join(err, results.Close())
}

func readInserted(results pgx.BatchResults, b orderBatch) (map[ticketing.TierKey]int64, map[uuid.UUID]bool, error) {
	if _, err := results.Exec(); err != nil {
		return nil, nil, err
	}
	left := map[ticketing.TierKey]int64{}
	rows, err := results.Query()
	if err != nil {
		return nil, nil, err
	}
	var tier ticketing.TierKey
	var seats int64
	_, err = pgx.ForEachRow(rows, []any{&tier.EventID, &tier.TierID, &seats}, func() error {
		left[tier] = seats
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, o := range b.orders {
		if _, found := left[o.Tier()]; !found {
			return nil, nil, &fulfil.RejectedError{Err: fmt.Errorf("order %s: there is no tier %s", o.ID, o.Tier())}
		}
	}
	fresh := make(map[uuid.UUID]bool, len(b.orders))
	rows, err = results.Query()
	if err != nil {
		return nil, nil, err
	}
	var id uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		fresh[id] = true
		return nil
	})
	return left, fresh, err
}

// writeDecision writes what was decided, commits, and returns the states of the orders
// that had been there before.
func writeDecision(ctx context.Context, conn *pgx.Conn, d decision) (map[uuid.UUID]ticketing.State, error) {
	pipeline := &pgx.Batch{}
	if len(d.refused) > 0 {
		pipeline.Queue(refuseOrdersSQL, d.refused)
	}
	if len(d.confirmed) > 0 {
		events, tiers, quantities := d.sold()
		pipeline.Queue(sellSQL, events, tiers, quantities)
		pipeline.Queue(insertTicketsSQL, d.confirmed, d.quantities)
	}
	if ids, kinds := d.emails(); len(ids) > 0 {
		pipeline.Queue(insertEmailsSQL, ids, kinds)
	}
	stored := map[uuid.UUID]ticketing.State{}
	if len(d.known) > 0 {
		pipeline.Queue(storedStatesSQL, d.known).Query(func(rows pgx.Rows) error {
			var id uuid.UUID
			var state ticketing.State
			_, err := pgx.ForEachRow(rows, []any{&id, &state}, func() error {
				stored[id] = state
				return nil
			})
			return err
		})
	}
	pipeline.Queue("COMMIT")
	return stored, conn.SendBatch(ctx, pipeline).Close()
}
