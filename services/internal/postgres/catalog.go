package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const catalogTimeout = 3 * time.Second

const (
	lockCatalogSQL = `
SELECT t.event_id, t.id, t.sold, t.currency
  FROM tiers t JOIN unnest($1::text[], $2::text[]) AS k (event_id, id) ON t.event_id = k.event_id AND t.id = k.id
 ORDER BY t.event_id, t.id
   FOR NO KEY UPDATE OF t`

	saveEventsSQL = `
INSERT INTO events (position, id, name, venue, starts_at, sales_open, sales_close, promo_codes)
SELECT position, id, name, venue, starts_at, sales_open, sales_close, promo_codes::jsonb
  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::text[])
    AS e (position, id, name, venue, starts_at, sales_open, sales_close, promo_codes)
ON CONFLICT (id) DO UPDATE SET position = excluded.position, name = excluded.name, venue = excluded.venue,
    starts_at = excluded.starts_at, sales_open = excluded.sales_open, sales_close = excluded.sales_close,
    promo_codes = excluded.promo_codes`

	saveTiersSQL = `
INSERT INTO tiers (position, event_id, id, name, price_amount, currency, capacity, max_per_order,
                   fee_amount, tax_basis_points, max_per_buyer)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[],
                     $9::bigint[], $10::bigint[], $11::bigint[])
ON CONFLICT (event_id, id) DO UPDATE SET position = excluded.position, name = excluded.name,
    price_amount = excluded.price_amount, currency = excluded.currency,
    capacity = excluded.capacity, max_per_order = excluded.max_per_order, fee_amount = excluded.fee_amount,
    tax_basis_points = excluded.tax_basis_points, max_per_buyer = excluded.max_per_buyer`

	catalogSQL = `
SELECT e.id, e.name, e.venue, e.starts_at, e.sales_open, e.sales_close, e.promo_codes,
       t.id, t.name, t.price_amount, t.currency, t.capacity, t.max_per_order,
       t.fee_amount, t.tax_basis_points, t.max_per_buyer
  FROM events e JOIN tiers t ON t.event_id = e.id
 ORDER BY e.position, e.id, t.position, t.id`
)

// SaveCatalog implements opening.Books. A tier that has sold seats keeps its currency
// too: its revenue would be a sum of two. What it refuses is a *fulfil.RejectedError.
func (l *Ledger) SaveCatalog(ctx context.Context, events []ticketing.Event) error {
	tiers := newTierColumns(events)
	eventColumns, err := newEventColumns(events)
	if err != nil {
		return fmt.Errorf("save catalog: %w", &fulfil.RejectedError{Err: err})
	}
	err = withConn(ctx, l.pool, catalogTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		sold, err := lockSold(ctx, conn, tiers)
		if err != nil {
			return err
		}
		if err := refusals(events, sold); err != nil {
			return &fulfil.RejectedError{Err: err}
		}
		pipeline := &pgx.Batch{}
		pipeline.Queue(saveEventsSQL, eventColumns.arguments()...)
		pipeline.Queue(saveTiersSQL, tiers.arguments()...)
		pipeline.Queue("COMMIT")
		return conn.SendBatch(ctx, pipeline).Close()
	})
	if err != nil {
		return fmt.Errorf("save catalog: %w", err)
	}
	return nil
}

// soldTier is what binds a tier to what it was.
type soldTier struct {
	seats    int
	currency string
}

// lockSold begins the transaction and locks the tiers, so that nothing is sold of them
// before it ends.
func lockSold(ctx context.Context, conn *pgx.Conn, c tierColumns) (map[ticketing.TierKey]soldTier, error) {
	sold := map[ticketing.TierKey]soldTier{}
	pipeline := &pgx.Batch{}
	pipeline.Queue("BEGIN")
	pipeline.Queue(lockCatalogSQL, c.eventIDs, c.ids).Query(func(rows pgx.Rows) error {
		var key ticketing.TierKey
		var tier soldTier
		_, err := pgx.ForEachRow(rows, []any{&key.EventID, &key.TierID, &tier.seats, &tier.currency}, func() error {
			sold[key] = tier
			return nil
		})
		return err
	})
	return sold, conn.SendBatch(ctx, pipeline).Close()
}

func refusals(events []ticketing.Event, sold map[ticketing.TierKey]soldTier) error {
	var refused []error
	for _, e := range events {
		for _, t := range e.Tiers {
			key := ticketing.TierKey{EventID: e.ID, TierID: t.ID}
			switch was := sold[key]; {
			case t.Capacity < was.seats:
				refused = append(refused, fmt.Errorf("tier %s: capacity %d is below the %d sold", key, t.Capacity, was.seats))
			case was.seats > 0 && t.Price.Currency != was.currency:
				refused = append(refused, fmt.Errorf("tier %s: %d seats are sold in %s", key, was.seats, was.currency))
			}
		}
	}
	return errors.Join(refused...)
}

// Catalog implements storefront.Books.
func (l *Ledger) Catalog(ctx context.Context) ([]ticketing.Event, error) {
	var events []ticketing.Event
	err := withConn(ctx, l.pool, catalogTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, catalogSQL)
		if err != nil {
			return err
		}
		events, err = readCatalog(rows)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	return events, nil
}

func readCatalog(rows pgx.Rows) ([]ticketing.Event, error) {
	var (
		events        []ticketing.Event
		e             ticketing.Event
		t             ticketing.Tier
		opens, closes *time.Time
		promoCodes    []byte
	)
	columns := []any{
		&e.ID, &e.Name, &e.Venue, &e.StartsAt, &opens, &closes, &promoCodes,
		&t.ID, &t.Name, &t.Price.Amount, &t.Price.Currency, &t.Capacity, &t.MaxPerOrder,
		&t.Fee, &t.TaxBasisPoints, &t.MaxPerBuyer,
	}
	_, err := pgx.ForEachRow(rows, columns, func() error {
		if n := len(events); n == 0 || events[n-1].ID != e.ID {
			e.StartsAt, e.SalesOpen, e.SalesClose, e.Tiers = e.StartsAt.UTC(), timeOrZero(opens), timeOrZero(closes), nil
			var err error
			if e.PromoCodes, err = decodePromoCodes(promoCodes); err != nil {
				return fmt.Errorf("event %s: %w", e.ID, err)
			}
			events = append(events, e)
		}
		last := &events[len(events)-1]
		last.Tiers = append(last.Tiers, t)
		return nil
	})
	return events, err
}

func timeOrZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func nullIfZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
