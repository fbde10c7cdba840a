package postgres

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// eventColumns are the arguments of saveEventsSQL.
type eventColumns struct {
	positions              []int64
	ids, names, venues     []string
	starts                 []time.Time
	salesOpens, salesClose []*time.Time
	promoCodes             []*string
}

func newEventColumns(events []ticketing.Event) (eventColumns, error) {
	var c eventColumns
	for i, e := range events {
		promoCodes, err := encodePromoCodes(e.PromoCodes)
		if err != nil {
			return eventColumns{}, fmt.Errorf("event %s: %w", e.ID, err)
		}
		c.promoCodes = append(c.promoCodes, promoCodes)
		c.positions = append(c.positions, int64(i))
		c.ids = append(c.ids, e.ID)
		c.names = append(c.names, e.Name)
		c.venues = append(c.venues, e.Venue)
		c.starts = append(c.starts, e.StartsAt)
		c.salesOpens = append(c.salesOpens, nullIfZero(e.SalesOpen))
		c.salesClose = append(c.salesClose, nullIfZero(e.SalesClose))
	}
	return c, nil
}

func (c eventColumns) arguments() []any {
	return []any{c.positions, c.ids, c.names, c.venues, c.starts, c.salesOpens, c.salesClose, c.promoCodes}
}

// encodePromoCodes returns nil, which is null, where there are none.
func encodePromoCodes(codes []ticketing.PromoCode) (*string, error) {
	if len(codes) == 0 {
		return nil, nil //nolint:nilnil // null is the value
	}
	text, err := json.Marshal(codes)
	if err != nil {
		return nil, fmt.Errorf("encode promo codes: %w", err)
	}
	return new(string(text)), nil
}

// decodePromoCodes reads what encodePromoCodes wrote.
func decodePromoCodes(text []byte) ([]ticketing.PromoCode, error) {
	if text == nil {
		return nil, nil
	}
	var codes []ticketing.PromoCode
	if err := json.Unmarshal(text, &codes); err != nil {
		return nil, fmt.Errorf("decode promo codes: %w", err)
	}
	return codes, nil
}

// tierColumns are the arguments of saveTiersSQL.
type tierColumns struct {
	positions            []int64
	eventIDs, ids, names []string
	prices               []int64
	currencies           []string
	capacities, limits   []int64
	fees, taxes          []int64
	buyerLimits          []int64
}

func newTierColumns(events []ticketing.Event) tierColumns {
	var c tierColumns
	for _, e := range events {
		for i, t := range e.Tiers {
			c.positions = append(c.positions, int64(i))
			c.eventIDs = append(c.eventIDs, e.ID)
			c.ids = append(c.ids, t.ID)
			c.names = append(c.names, t.Name)
			c.prices = append(c.prices, t.Price.Amount)
			c.currencies = append(c.currencies, t.Price.Currency)
			c.capacities = append(c.capacities, int64(t.Capacity))
			c.limits = append(c.limits, int64(t.MaxPerOrder))
			c.fees = append(c.fees, t.Fee)
			c.taxes = append(c.taxes, int64(t.TaxBasisPoints))
			c.buyerLimits = append(c.buyerLimits, int64(t.MaxPerBuyer))
		}
	}
	return c
}

func (c tierColumns) arguments() []any {
	return []any{c.positions, c.eventIDs, c.ids, c.names, c.prices, c.currencies, c.capacities, c.limits, c.fees, c.taxes, c.buyerLimits}
}
