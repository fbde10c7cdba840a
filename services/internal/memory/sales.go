package memory

import (
	"cmp"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// tierSalesLocked adds up what is confirmed of one tier. An order without a currency
// stands for a row with a null in the real ledger.
func (l *Ledger) tierSalesLocked(e ticketing.Event, t ticketing.Tier) report.TierSales {
	sales := report.TierSales{EventID: e.ID, EventName: e.Name, TierID: t.ID}
	currency := t.Price.Currency
	var revenue int64
	for _, known := range l.orders {
		o := known.Order
		if o.EventID != e.ID || o.TierID != t.ID || known.State != ticketing.StateConfirmed {
			continue
		}
		sales.Orders++
		sales.Tickets += int64(o.Quantity)
		if o.Total.Currency == "" {
			sales.Incomplete++
			continue
		}
		revenue += o.Total.Amount
	}
	if sales.Incomplete == 0 || sales.Incomplete < sales.Orders {
		sales.Revenue = &revenue
	}
	if currency != "" {
		sales.Currency = &currency
	}
	return sales
}

func compareTierSales(a, b report.TierSales) int {
	return cmp.Or(cmp.Compare(a.EventID, b.EventID), cmp.Compare(a.TierID, b.TierID))
}
