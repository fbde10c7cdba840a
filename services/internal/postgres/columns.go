package postgres

import (
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// eventColumns are the arguments of saveEventsSQL.
type eventColumns struct {
	positions              []int64
	ids, names, venues     []string
	starts                 []time.Time
	salesOpens, salesClose []*time.Time
}

func newEventColumns(events []ticketing.Event) eventColumns {
	var c eventColumns
	for i, e := range events {
		c.positions = append(c.positions, int64(i))
		c.ids = append(c.ids, e.ID)
		c.names = append(c.names, e.Name)
		c.venues = append(c.venues, e.Venue)
		c.starts = append(c.starts, e.StartsAt)
		c.salesOpens = append(c.salesOpens, nullIfZero(e.SalesOpen))
		c.salesClose = append(c.salesClose, nullIfZero(e.SalesClose))
	}
	return c
}

func (c eventColumns) arguments() []any {
	return []any{c.positions, c.ids, c.names, c.venues, c.starts, c.salesOpens, c.salesClose}
}

// tierColumns are the arguments of saveTiersSQL.
type tierColumns struct {
	positions            []int64
	eventIDs, ids, names []string
	prices               []int64
	currencies           []string
	capacities, limits   []int64
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
		}
	}
	return c
}

func (c tierColumns) arguments() []any {
	return []any{c.positions, c.eventIDs, c.ids, c.names, c.prices, c.currencies, c.capacities, c.limits}
}
