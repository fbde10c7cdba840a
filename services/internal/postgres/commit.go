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

// A commit is two round trips: the first locks the tiers, inserts the orders and marks those
// that are cancelled, the second writes what follows from which of them are new and still fit. Tiers are locked in one
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
                    email, name, locale, promo_code, node, placed_at, subtotal, discount, fee, tax)
SELECT order_id, status, event_id, tier_id, quantity, amount, nullif(currency, ''),
       email, name, locale, promo_code, node, placed_at, subtotal, discount, fee, tax
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
              $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[],
              $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[])
    AS o (order_id, status, event_id, tier_id, quantity, amount, currency, email, name, locale, promo_code, node, placed_at,
          subtotal, discount, fee, tax)
ON CONFLICT (order_id) DO NOTHING
RETURNING order_id`

	// cancelOrdersSQL finds those that were CONFIRMED before: new ones are inserted as CANCELLED.
	cancelOrdersSQL = `
UPDATE orders SET status = 'CANCELLED' WHERE order_id = ANY($1::uuid[]) AND status = 'CONFIRMED'
RETURNING order_id, event_id, tier_id, quantity`

	deleteTicketsSQL = `DELETE FROM tickets WHERE order_id = ANY($1::uuid[])`

	// dropConfirmationsSQL leaves alone what the notifier is just marking as sent.
	dropConfirmationsSQL = `
DELETE FROM email_outbox m USING (
    SELECT order_id, kind FROM email_outbox
     WHERE order_id = ANY($1::uuid[]) AND kind = 'confirmation' AND sent_at IS NULL
       FOR UPDATE SKIP LOCKED) AS unsent
 WHERE m.order_id = unsent.order_id AND m.kind = unsent.kind`

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
		books, err := insertOrders(ctx, conn, batch)
		if err != nil {
			return err
		}
		failpoint.Here(failpoint.AfterBegin)
		decision := decide(batch, books)
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

// books is what a commit finds in the ledger.
type books struct {
	// left is how many seats each tier has left, those that are given back not counted.
	left map[ticketing.TierKey]int64
	// fresh are the orders that were not there before.
	fresh map[uuid.UUID]bool
	// returned are the orders that were CONFIRMED until now, and seats is how many they
	// give back to each tier.
	returned map[uuid.UUID]bool
	seats    map[ticketing.TierKey]int64
}

// insertOrders begins the transaction, locks the tiers, inserts the orders and cancels
// those that were there before.
func insertOrders(ctx context.Context, conn *pgx.Conn, b orderBatch) (books, error) {
	events, tiers := b.tiers()
	pipeline := &pgx.Batch{}
	pipeline.Queue("BEGIN")
	pipeline.Queue(lockTiersSQL, events, tiers)
	pipeline.Queue(insertOrdersSQL, b.columns()...)
	if len(b.cancelled) > 0 {
		pipeline.Queue(cancelOrdersSQL, b.cancelledKeys())
	}
	results := conn.SendBatch(ctx, pipeline)
	found, err := readInserted(results, b)
	return found, errors.Join(err, results.Close())
}

func readInserted(results pgx.BatchResults, b orderBatch) (books, error) {
	found := books{
		left: map[ticketing.TierKey]int64{}, fresh: make(map[uuid.UUID]bool, len(b.orders)),
		returned: map[uuid.UUID]bool{}, seats: map[ticketing.TierKey]int64{},
	}
	if _, err := results.Exec(); err != nil {
		return books{}, err
	}
	var tier ticketing.TierKey
	var seats int64
	var id uuid.UUID
	if err := readRows(results, []any{&tier.EventID, &tier.TierID, &seats}, func() { found.left[tier] = seats }); err != nil {
		return books{}, err
	}
	for _, o := range b.orders {
		if _, known := found.left[o.Tier()]; !known {
			return books{}, &fulfil.RejectedError{Err: fmt.Errorf("order %s: there is no tier %s", o.ID, o.Tier())}
		}
	}
	if err := readRows(results, []any{&id}, func() { found.fresh[id] = true }); err != nil || len(b.cancelled) == 0 {
		return found, err
	}
	err := readRows(results, []any{&id, &tier.EventID, &tier.TierID, &seats}, func() {
		found.returned[id] = true
		found.seats[tier] += seats
	})
	return found, err
}

// readRows reads the rows of the next result into the targets, one after the other.
func readRows(results pgx.BatchResults, targets []any, row func()) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, targets, func() error {
		row()
		return nil
	})
	return err
}

// writeDecision writes what was decided, commits, and returns the states of the orders
// that had been there before.
func writeDecision(ctx context.Context, conn *pgx.Conn, d decision) (map[uuid.UUID]ticketing.State, error) {
	pipeline := &pgx.Batch{}
	if len(d.refused) > 0 {
		pipeline.Queue(refuseOrdersSQL, d.refused)
	}
	if events, tiers, quantities := d.sold(); len(events) > 0 {
		pipeline.Queue(sellSQL, events, tiers, quantities)
	}
	if len(d.confirmed) > 0 {
		pipeline.Queue(insertTicketsSQL, d.confirmed, d.quantities)
	}
	if len(d.returned) > 0 {
		pipeline.Queue(deleteTicketsSQL, d.returned)
		pipeline.Queue(dropConfirmationsSQL, d.returned)
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
