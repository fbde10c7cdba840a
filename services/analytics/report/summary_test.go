package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func eur(amount int64) []ticketing.Money { return []ticketing.Money{{Amount: amount, Currency: "EUR"}} }

func row(event, tier string, orders, revenue int64) TierSales {
	currency := "EUR"
	return TierSales{
		EventID: event, EventName: event + "!", TierID: tier,
		Orders: orders, Tickets: 2 * orders, Revenue: &revenue, Currency: &currency,
	}
}

func TestTotalRevenue(t *testing.T) {
	t.Parallel()
	dollars := row("b", "vip", 1, 700)
	usd := "USD"
	dollars.Currency = &usd
	cases := map[string]struct {
		rows       []TierSales
		want       Totals
		wantEvents []Event
	}{
		"total revenue of nothing": {
			want: Totals{Revenue: []ticketing.Money{}}, wantEvents: []Event{},
		},
		"total revenue of a tier that has sold nothing": {
			rows: []TierSales{row("a", "x", 0, 0)},
			want: Totals{Revenue: []ticketing.Money{}},
			wantEvents: []Event{{ID: "a", Name: "a!", Totals: Totals{Revenue: []ticketing.Money{}}, Tiers: []Tier{
				{ID: "x", Totals: Totals{Revenue: []ticketing.Money{}}},
			}}},
		},
		"total revenue of two tiers": {
			rows: []TierSales{row("a", "x", 2, 9000), row("a", "y", 1, 500)},
			want: Totals{Orders: 3, Tickets: 6, Revenue: eur(9500)},
			wantEvents: []Event{{ID: "a", Name: "a!", Totals: Totals{Orders: 3, Tickets: 6, Revenue: eur(9500)}, Tiers: []Tier{
				{ID: "x", Totals: Totals{Orders: 2, Tickets: 4, Revenue: eur(9000)}},
				{ID: "y", Totals: Totals{Orders: 1, Tickets: 2, Revenue: eur(500)}},
			}}},
		},
		"total revenue of free tickets": {
			rows: []TierSales{row("a", "x", 2, 0)},
			want: Totals{Orders: 2, Tickets: 4, Revenue: eur(0)},
			wantEvents: []Event{{ID: "a", Name: "a!", Totals: Totals{Orders: 2, Tickets: 4, Revenue: eur(0)}, Tiers: []Tier{
				{ID: "x", Totals: Totals{Orders: 2, Tickets: 4, Revenue: eur(0)}},
			}}},
		},
		"total revenue by currency": {
			rows: []TierSales{dollars, row("b", "x", 1, 100), row("c", "x", 1, 50)},
			want: Totals{Orders: 3, Tickets: 6, Revenue: []ticketing.Money{{Amount: 150, Currency: "EUR"}, {Amount: 700, Currency: "USD"}}},
			wantEvents: []Event{
				{
					ID: "b", Name: "b!",
					Totals: Totals{Orders: 2, Tickets: 4, Revenue: []ticketing.Money{{Amount: 100, Currency: "EUR"}, {Amount: 700, Currency: "USD"}}},
					Tiers: []Tier{
						{ID: "vip", Totals: Totals{Orders: 1, Tickets: 2, Revenue: []ticketing.Money{{Amount: 700, Currency: "USD"}}}},
						{ID: "x", Totals: Totals{Orders: 1, Tickets: 2, Revenue: eur(100)}},
					},
				},
				{ID: "c", Name: "c!", Totals: Totals{Orders: 1, Tickets: 2, Revenue: eur(50)}, Tiers: []Tier{
					{ID: "x", Totals: Totals{Orders: 1, Tickets: 2, Revenue: eur(50)}},
				}},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total, events := summarize(tc.rows)
			if diff := cmp.Diff(tc.want, total); diff != "" {
				t.Errorf("total (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantEvents, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// Null data is counted, and never taken for zero.
func TestNullData(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(r *TierSales)
		want  Totals
	}{
		"null data: no amount": {
			spoil: func(r *TierSales) { r.Revenue = nil },
			want:  Totals{Orders: 3, Tickets: 6, Revenue: []ticketing.Money{}, Incomplete: 3},
		},
		"null data: no currency": {
			spoil: func(r *TierSales) { r.Currency = nil },
			want:  Totals{Orders: 3, Tickets: 6, Revenue: []ticketing.Money{}, Incomplete: 3},
		},
		"null data: an empty currency": {
			spoil: func(r *TierSales) { *r.Currency = "" },
			want:  Totals{Orders: 3, Tickets: 6, Revenue: []ticketing.Money{}, Incomplete: 3},
		},
		"null data: some orders without amount": {
			spoil: func(r *TierSales) { r.Incomplete = 1 },
			want:  Totals{Orders: 3, Tickets: 6, Revenue: eur(900), Incomplete: 1},
		},
		"null data: every order without amount": {
			spoil: func(r *TierSales) { r.Incomplete, *r.Revenue = 3, 0 },
			want:  Totals{Orders: 3, Tickets: 6, Revenue: []ticketing.Money{}, Incomplete: 3},
		},
		"null data: nothing sold": {
			spoil: func(r *TierSales) { r.Orders, r.Tickets, r.Revenue, r.Currency = 0, 0, nil, nil },
			want:  Totals{Revenue: []ticketing.Money{}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt := row("a", "x", 3, 900)
			tc.spoil(&spoilt)
			total, _ := summarize([]TierSales{spoilt})
			if diff := cmp.Diff(tc.want, total); diff != "" {
				t.Errorf("total (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutstanding(t *testing.T) {
	t.Parallel()
	pending := []Pending{
		{Tier: ticketing.TierKey{EventID: "a", TierID: "x"}, Orders: 1, Tickets: 2, Revenue: ticketing.Money{Amount: 10, Currency: "EUR"}},
		{Tier: ticketing.TierKey{EventID: "b", TierID: "x"}, Orders: 1, Tickets: 1, Revenue: ticketing.Money{Amount: 5, Currency: "EUR"}},
		{Tier: ticketing.TierKey{EventID: "b", TierID: "y"}, Orders: 1, Tickets: 1},
	}
	cases := map[string]struct {
		event string
		want  *Outstanding
	}{
		"all events":             {"", &Outstanding{Orders: 3, Tickets: 4, Revenue: eur(15)}},
		"one event":              {"b", &Outstanding{Orders: 2, Tickets: 2, Revenue: eur(5)}},
		"an event with nothing":  {"c", &Outstanding{Revenue: []ticketing.Money{}}},
		"an event of one amount": {"a", &Outstanding{Orders: 1, Tickets: 2, Revenue: eur(10)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, outstanding(pending, tc.event)); diff != "" {
				t.Errorf("outstanding (-want +got):\n%s", diff)
			}
		})
	}
}
