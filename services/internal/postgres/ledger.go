package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// How long each call may take, connecting included.
const (
	commitTimeout = 5 * time.Second
	pingBudget    = 2 * time.Second
	lookupTimeout = time.Second
)

var (
	_ fulfil.Ledger    = (*Ledger)(nil)
	_ checkout.Ledger  = (*Ledger)(nil)
	_ opening.Books    = (*Ledger)(nil)
	_ storefront.Books = (*Ledger)(nil)
)

var errReadOnly = errors.New("the server is read-only")

// Ledger keeps the books in PostgreSQL. Its errors wrap ErrUnavailable of both the
// consumer's and the purchase side's ports, or *fulfil.RejectedError.
type Ledger struct{ pool *pgxpool.Pool }

// NewLedger returns the ledger behind pool.
func NewLedger(pool *pgxpool.Pool) *Ledger { return &Ledger{pool: pool} }

// Ping implements fulfil.Ledger.
func (l *Ledger) Ping(ctx context.Context) error {
	err := withConn(ctx, l.pool, pingBudget, func(ctx context.Context, conn *pgx.Conn) error {
		var readOnly bool
		if err := conn.QueryRow(ctx, "SELECT current_setting('transaction_read_only')::boolean").Scan(&readOnly); err != nil {
			return err
		}
		if readOnly {
			// The name may lead to a primary by now, an open connection never will.
			return errors.Join(errReadOnly, conn.Close(ctx))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ping the ledger: %w", err)
	}
	return nil
}

const orderColumns = `o.order_id::text, o.status, o.event_id, o.tier_id, o.quantity, o.amount, o.currency,
	o.email, o.name, o.locale, o.promo_code, o.node, o.placed_at, o.subtotal, o.discount, o.fee, o.tax`

// Lookup implements checkout.Ledger.
func (l *Ledger) Lookup(ctx context.Context, id ticketing.OrderID) (checkout.Record, error) {
	key, err := orderKey(id)
	if err != nil {
		return checkout.Record{}, fmt.Errorf("look up %q: %w: %w", id, checkout.ErrNotFound, err)
	}
	var record checkout.Record
	err = withConn(ctx, l.pool, lookupTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		row := conn.QueryRow(ctx, "SELECT "+orderColumns+" FROM orders o WHERE o.order_id = $1", key)
		return scanOrder(row, &record)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return checkout.Record{}, fmt.Errorf("look up %s: %w", id, checkout.ErrNotFound)
	case err != nil:
		return checkout.Record{}, fmt.Errorf("look up %s: %w", id, err)
	}
	return record, nil
}

// scanOrder reads orderColumns, and more columns behind them into extra.
func scanOrder(row pgx.Row, record *checkout.Record, extra ...any) error {
	var (
		o                            = &record.Order
		amount                       *int64
		currency                     *string
		subtotal, discount, fee, tax *int64
	)
	columns := []any{
		&o.ID, &record.State, &o.EventID, &o.TierID, &o.Quantity, &amount, &currency,
		&o.Buyer.Email, &o.Buyer.Name, &o.Buyer.Locale, &o.PromoCode, &o.Node, &o.PlacedAt,
		&subtotal, &discount, &fee, &tax,
	}
	if err := row.Scan(append(columns, extra...)...); err != nil {
		return err
	}
	if amount != nil {
		o.Total.Amount = *amount
	}
	if currency != nil {
		o.Total.Currency = *currency
	}
	if subtotal != nil && discount != nil && fee != nil && tax != nil {
		o.Price = ticketing.Price{
			Subtotal: *subtotal, Discount: *discount, Fee: *fee, Tax: *tax, Total: o.Total.Amount, Currency: o.Total.Currency,
		}
	}
	o.PlacedAt = o.PlacedAt.UTC()
	o.Cancelled = record.State == ticketing.StateCancelled
	return nil
}
