package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

const outboxTimeout = 3 * time.Second

const (
	// claimEmailsSQL passes by what another claimer is just taking, and leases what it
	// takes by moving its due time.
	claimEmailsSQL = `
WITH due AS (
    SELECT order_id, kind, due_at FROM email_outbox
     WHERE sent_at IS NULL AND failed_at IS NULL AND due_at <= now()
     ORDER BY due_at, order_id LIMIT $1
       FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE email_outbox m SET attempts = m.attempts + 1, due_at = now() + $2::interval
      FROM due WHERE m.order_id = due.order_id AND m.kind = due.kind
    RETURNING m.order_id, m.kind, m.attempts, due.due_at
)
SELECT ` + orderColumns + `, c.kind, c.attempts, e.name, e.venue, e.starts_at, t.name
  FROM claimed c
  JOIN orders o ON o.order_id = c.order_id
  JOIN events e ON e.id = o.event_id
  JOIN tiers t ON t.event_id = o.event_id AND t.id = o.tier_id
 ORDER BY c.due_at, c.order_id`

	markSentSQL = `
UPDATE email_outbox m SET sent_at = now(), last_error = NULL
  FROM unnest($1::uuid[], $2::text[]) AS k (order_id, kind)
 WHERE m.order_id = k.order_id AND m.kind = k.kind AND m.sent_at IS NULL`

	markFailedSQL = `
UPDATE email_outbox m SET last_error = k.reason, due_at = now() + k.pause,
       failed_at = CASE WHEN k.pause = interval '0' THEN now() END
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::interval[]) AS k (order_id, kind, reason, pause)
 WHERE m.order_id = k.order_id AND m.kind = k.kind AND m.sent_at IS NULL`
)

var _ notify.Outbox = (*EmailOutbox)(nil)

// EmailOutbox is the ledger's list of e-mails that are due.
type EmailOutbox struct{ pool *pgxpool.Pool }

// NewEmailOutbox returns the outbox behind pool.
func NewEmailOutbox(pool *pgxpool.Pool) *EmailOutbox { return &EmailOutbox{pool: pool} }

// ClaimDue implements notify.Outbox.
func (o *EmailOutbox) ClaimDue(ctx context.Context, limit int, lease time.Duration) ([]notify.Email, error) {
	var emails []notify.Email
	err := withConn(ctx, o.pool, outboxTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, claimEmailsSQL, limit, lease)
		if err != nil {
			return err
		}
		emails, err = pgx.CollectRows(rows, scanEmail)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim up to %d e-mails: %w", limit, err)
	}
	return emails, nil
}

func scanEmail(row pgx.CollectableRow) (notify.Email, error) {
	var email notify.Email
	var record checkout.Record
	err := scanOrder(row, &record, &email.ID.Kind, &email.Attempt,
		&email.EventName, &email.Venue, &email.StartsAt, &email.TierName)
	email.Order, email.ID.OrderID, email.StartsAt = record.Order, record.Order.ID, email.StartsAt.UTC()
	return email, err
}

// MarkSent implements notify.Outbox.
func (o *EmailOutbox) MarkSent(ctx context.Context, ids []notify.EmailID) error {
	var keys []uuid.UUID
	var kinds []string
	for _, id := range ids {
		if key, err := orderKey(id.OrderID); err == nil { // no e-mail has any other id
			keys, kinds = append(keys, key), append(kinds, string(id.Kind))
		}
	}
	return o.exec(ctx, "mark e-mails sent", markSentSQL, keys, kinds)
}

// MarkFailed implements notify.Outbox.
func (o *EmailOutbox) MarkFailed(ctx context.Context, failures []notify.Failure) error {
	var keys []uuid.UUID
	var kinds, reasons []string
	var pauses []time.Duration
	for _, f := range failures {
		if key, err := orderKey(f.ID.OrderID); err == nil {
			keys, kinds = append(keys, key), append(kinds, string(f.ID.Kind))
			reasons, pauses = append(reasons, f.Reason), append(pauses, f.RetryAfter)
		}
	}
	return o.exec(ctx, "mark e-mails failed", markFailedSQL, keys, kinds, reasons, pauses)
}

func (o *EmailOutbox) exec(ctx context.Context, operation, sql string, arguments ...any) error {
	err := withConn(ctx, o.pool, outboxTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, arguments...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}
