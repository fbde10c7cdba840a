package ticketing_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func aurora() ticketing.Event {
	return ticketing.Event{
		ID: "aurora", Name: "Aurora", Venue: "Old Harbour", StartsAt: noon.AddDate(0, 1, 0),
		SalesOpen: noon.Add(-time.Hour), SalesClose: noon.Add(time.Hour),
		Tiers: []ticketing.Tier{
			{ID: "general", Name: "General", Price: ticketing.Money{Amount: 4500, Currency: "EUR"}, Capacity: 100, MaxPerOrder: 4},
			{ID: "vip", Name: "VIP", Price: ticketing.Money{Amount: 12000, Currency: "EUR"}, Capacity: 10},
		},
		PromoCodes: []ticketing.PromoCode{
			{Code: "EARLY", PercentOff: 10},
			{Code: "GALA-5", AmountOff: 500, Tiers: []string{"vip"}, MaxUses: 3},
		},
	}
}

func oneTier() ticketing.Event {
	e := aurora()
	e.Tiers = e.Tiers[:1]
	return e
}

func purchase() ticketing.Purchase {
	return ticketing.Purchase{
		EventID: "aurora", TierID: "general", Quantity: 2, Email: "ada@example.com", Name: "Ada", PromoCode: "EARLY", Locale: "es",
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	want := ticketing.Order{
		EventID: "aurora", TierID: "general", Quantity: 2,
		Buyer:     ticketing.Buyer{Email: "ada@example.com", Name: "Ada", Locale: "es"},
		PromoCode: "EARLY", Total: ticketing.Money{Amount: 8100, Currency: "EUR"},
		Price:    ticketing.Price{Subtotal: 9000, Discount: 900, Total: 8100, Currency: "EUR"},
		PlacedAt: noon,
	}
	got, err := ticketing.Place(purchase(), aurora(), true, noon)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}

	p := purchase()
	p.TierID, p.Locale = "", ""
	got, err = ticketing.Place(p, oneTier(), true, noon)
	if err != nil || got.TierID != "general" || got.Buyer.Locale != "en" {
		t.Errorf("without tier and locale: %v, %v; want the only tier and the default locale", got, err)
	}
}

// TestPlaceLeavesTheClockToTheArbiter: a pod's clock that goes wrong closes no sale, and the replay
// of a purchase finds its order after the sale.
func TestPlaceLeavesTheClockToTheArbiter(t *testing.T) {
	t.Parallel()
	event := aurora()
	event.PromoCodes[0].ValidUntil = noon.Add(-time.Minute)
	for _, at := range []time.Time{noon.AddDate(-1, 0, 0), noon, noon.AddDate(1, 0, 0)} {
		if order, err := ticketing.Place(purchase(), event, true, at); err != nil || !order.PlacedAt.Equal(at) {
			t.Errorf("Place at %s = %v", at, err)
		}
	}
}

func TestPlaceWithPromoCode(t *testing.T) {
	t.Parallel()
	const unknown = "is not a promo code for this tier"
	cases := map[string]struct {
		tier, code string
		want       string
		wantErr    string
	}{
		"none":             {"general", "", "", ""},
		"as it is written": {"general", "EARLY", "EARLY", ""},
		"in any case":      {"general", "eArly", "EARLY", ""},
		"for this tier":    {"vip", "gala-5", "GALA-5", ""},
		"for another tier": {"general", "GALA-5", "", unknown},
		"unknown":          {"general", "LATE", "", unknown},
		"with space":       {"general", "EARLY ", "", unknown},
		"no code at all":   {"general", strings.Repeat("x", 65), "", "must be at most 64 characters without control characters"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := purchase()
			p.TierID, p.PromoCode = tc.tier, tc.code
			got, err := ticketing.Place(p, aurora(), true, noon)
			if tc.wantErr == "" {
				if err != nil || got.PromoCode != tc.want || (got.Price.Discount > 0) != (tc.want != "") {
					t.Errorf("Place = %q, discount %d, %v; want %q", got.PromoCode, got.Price.Discount, err, tc.want)
				}
				return
			}
			var e *ticketing.Error
			if !errors.As(err, &e) {
				t.Fatalf("Place = %v, want an invalid promo code", err)
			}
			if diff := cmp.Diff([]ticketing.FieldError{{Field: "promo_code", Reason: tc.wantErr}}, e.Fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlaceRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*ticketing.Purchase)
		event  ticketing.Event
		absent bool
		want   ticketing.Code
	}{
		"unknown event":       {func(*ticketing.Purchase) {}, ticketing.Event{}, true, ticketing.CodeUnknownEvent},
		"unknown tier":        {func(p *ticketing.Purchase) { p.TierID = "balcony" }, aurora(), false, ticketing.CodeUnknownTier},
		"tier needed":         {func(p *ticketing.Purchase) { p.TierID = "" }, aurora(), false, ticketing.CodeInvalid},
		"invalid comes first": {func(p *ticketing.Purchase) { p.Email = "" }, ticketing.Event{}, true, ticketing.CodeInvalid},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := purchase()
			tc.change(&p)
			_, err := ticketing.Place(p, tc.event, !tc.absent, noon)
			if got := ticketing.ErrorCode(err); got != tc.want {
				t.Errorf("Place = %v, want %s", err, tc.want)
			}
		})
	}
}

// TestQuantityCheck is the quantity check: 1 to the tier's limit, 10 where it has none.
func TestQuantityCheck(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		tier     string
		quantity int
		want     string
	}{
		"none":                 {"general", 0, "must be at least 1"},
		"negative":             {"general", -1, "must be at least 1"},
		"one":                  {"general", 1, ""},
		"the tier's limit":     {"general", 4, ""},
		"over the limit":       {"general", 5, "must be at most 4 for this tier"},
		"the default limit":    {"vip", 10, ""},
		"over the default":     {"vip", 11, "must be at most 10 for this tier"},
		"far over the default": {"vip", math.MaxInt, "must be at most 10 for this tier"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := purchase()
			p.TierID, p.Quantity = tc.tier, tc.quantity
			_, err := ticketing.Place(p, aurora(), true, noon)
			var e *ticketing.Error
			if tc.want == "" {
				if err != nil {
					t.Errorf("Place = %v", err)
				}
				return
			}
			if !errors.As(err, &e) {
				t.Fatalf("Place = %v, want an invalid quantity", err)
			}
			if diff := cmp.Diff([]ticketing.FieldError{{Field: "quantity", Reason: tc.want}}, e.Fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlaceNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	_, err := ticketing.Place(ticketing.Purchase{
		EventID: "Aurora!", TierID: "-", Quantity: 0, Email: "ada", Name: "A\nda",
		PromoCode: strings.Repeat("x", 65), Locale: "fr",
	}, ticketing.Event{}, false, noon)
	var e *ticketing.Error
	if !errors.As(err, &e) || e.Code != ticketing.CodeInvalid {
		t.Fatalf("Place = %v, want CodeInvalid", err)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Field)
		if !strings.Contains(err.Error(), f.Field+" "+f.Reason) {
			t.Errorf("Error() = %q, without %s", err, f.Field)
		}
	}
	want := []string{"event_id", "tier", "quantity", "email", "name", "promo_code", "locale"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestPlaceRefusesATotalThatOverflows(t *testing.T) {
	t.Parallel()
	event := oneTier()
	event.Tiers[0].Price.Amount = math.MaxInt64
	_, err := ticketing.Place(purchase(), event, true, noon)
	if err == nil || ticketing.ErrorCode(err) != "" {
		t.Errorf("Place = %v, want an internal error", err)
	}
}

func TestTickets(t *testing.T) {
	t.Parallel()
	o := ticketing.Order{ID: "o", EventID: "aurora", TierID: "vip", Quantity: 3}
	if diff := cmp.Diff([]string{"o-1", "o-2", "o-3"}, o.Tickets()); diff != "" {
		t.Errorf("tickets (-want +got):\n%s", diff)
	}
	if got := o.Tier().String(); got != "aurora/vip" {
		t.Errorf("tier = %s", got)
	}
}

func TestSettledStates(t *testing.T) {
	t.Parallel()
	want := map[ticketing.State]bool{
		ticketing.StatePending: false, ticketing.StateAccepted: false,
		ticketing.StateConfirmed: true, ticketing.StateRefused: true, ticketing.StateCancelled: true,
	}
	for state, settled := range want {
		if state.Settled() != settled {
			t.Errorf("%s.Settled() = %v", state, state.Settled())
		}
	}
}
