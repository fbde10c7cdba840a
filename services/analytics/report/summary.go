package report

import (
	"cmp"
	"slices"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Totals adds up what is confirmed in the books.
type Totals struct {
	Orders  int64
	Tickets int64
	// Revenue has one amount for each currency, ordered by currency. Currencies are never added up.
	Revenue []ticketing.Money
	// Incomplete counts the orders whose amount or currency the books do not have.
	// They are in Orders and Tickets; what they brought in is unknown, not zero.
	Incomplete int64
}

// Outstanding adds up what is accepted and not in the books yet.
type Outstanding struct {
	Orders  int64
	Tickets int64
	Revenue []ticketing.Money
}

// Tier is one tier's part of a report.
type Tier struct {
	ID string
	Totals
}

// Event is one event's part of a report.
type Event struct {
	ID   string
	Name string
	Totals
	// Outstanding is nil where it is not known.
	Outstanding *Outstanding
	Tiers       []Tier
}

// summarize adds up rows by event and in all. Events and tiers keep the order of the rows.
func summarize(rows []TierSales) (Totals, []Event) {
	var total Totals
	events := []Event{}
	at := map[string]int{}
	for _, row := range rows {
		tier := tierTotals(row)
		i, found := at[row.EventID]
		if !found {
			i = len(events)
			at[row.EventID] = i
			events = append(events, Event{ID: row.EventID, Name: row.EventName, Totals: Totals{Revenue: []ticketing.Money{}}})
		}
		events[i].add(tier)
		events[i].Tiers = append(events[i].Tiers, Tier{ID: row.TierID, Totals: tier})
		total.add(tier)
	}
	if total.Revenue == nil {
		total.Revenue = []ticketing.Money{}
	}
	return total, events
}

// tierTotals reads one row, nulls included: an amount without a currency, or the other
// way round, is worth nothing that could be told, so all its orders are incomplete.
func tierTotals(row TierSales) Totals {
	t := Totals{Orders: row.Orders, Tickets: row.Tickets, Incomplete: row.Incomplete, Revenue: []ticketing.Money{}}
	switch {
	case row.Orders == 0:
		// The sum over no rows is a null; here it is a zero.
	case row.Revenue == nil || row.Currency == nil || *row.Currency == "":
		t.Incomplete = row.Orders
	case row.Orders > row.Incomplete:
		t.Revenue = append(t.Revenue, ticketing.Money{Amount: *row.Revenue, Currency: *row.Currency})
	}
	return t
}

func (t *Totals) add(other Totals) {
	t.Orders += other.Orders
	t.Tickets += other.Tickets
	t.Incomplete += other.Incomplete
	for _, m := range other.Revenue {
		t.Revenue = addMoney(t.Revenue, m)
	}
}

// outstanding adds up what is pending, of one event or, with "", of all.
func outstanding(pending []Pending, eventID string) *Outstanding {
	o := &Outstanding{Revenue: []ticketing.Money{}}
	for _, p := range pending {
		if eventID != "" && p.Tier.EventID != eventID {
			continue
		}
		o.Orders += p.Orders
		o.Tickets += p.Tickets
		if p.Revenue.Currency != "" {
			o.Revenue = addMoney(o.Revenue, p.Revenue)
		}
	}
	return o
}

// addMoney adds m to the amount of its currency.
func addMoney(sums []ticketing.Money, m ticketing.Money) []ticketing.Money {
	i, found := slices.BinarySearchFunc(sums, m, func(a, b ticketing.Money) int { return cmp.Compare(a.Currency, b.Currency) })
	if !found {
		return slices.Insert(sums, i, m)
	}
	sums[i].Amount += m.Amount
	return sums
}
