package ticketing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestValidatePromoCodes(t *testing.T) {
	t.Parallel()
	promo := func(change func(*ticketing.PromoCode)) func(*ticketing.Event) {
		return func(e *ticketing.Event) { change(&e.PromoCodes[0]) }
	}
	cases := map[string]struct {
		change func(*ticketing.Event)
		want   string
	}{
		"small letters": {promo(func(p *ticketing.PromoCode) { p.Code = "early" }), `promo code "early": code must be 1 to 32 capital letters`},
		"no code":       {promo(func(p *ticketing.PromoCode) { p.Code = "" }), `promo code "": code must be`},
		"too long":      {promo(func(p *ticketing.PromoCode) { p.Code = strings.Repeat("A", 33) }), "code must be"},
		"a separator":   {promo(func(p *ticketing.PromoCode) { p.Code = "A:B" }), "code must be"},
		"twice":         {promo(func(p *ticketing.PromoCode) { p.Code = "GALA-5" }), `promo code "GALA-5": is not unique`},
		"nothing off":   {promo(func(p *ticketing.PromoCode) { p.PercentOff = 0 }), `promo code "EARLY": needs either percent_off or amount_off`},
		"both":          {promo(func(p *ticketing.PromoCode) { p.AmountOff = 1 }), "needs either percent_off or amount_off"},
		"over 100 %":    {promo(func(p *ticketing.PromoCode) { p.PercentOff = 101 }), "percent_off must be 1 to 100"},
		"dearer":        {promo(func(p *ticketing.PromoCode) { p.PercentOff = -1 }), "percent_off must be 1 to 100"},
		"negative":      {promo(func(p *ticketing.PromoCode) { p.PercentOff, p.AmountOff = 0, -1 }), "amount_off is negative"},
		"uses":          {promo(func(p *ticketing.PromoCode) { p.MaxUses = -1 }), "max_uses is negative"},
		"unknown tier":  {promo(func(p *ticketing.PromoCode) { p.Tiers = []string{"box"} }), `promo code "EARLY": there is no tier "box"`},
		"window":        {promo(func(p *ticketing.PromoCode) { p.ValidFrom, p.ValidUntil = noon, noon }), "valid_until is not after valid_from"},
		"currencies": {func(e *ticketing.Event) {
			e.Tiers[0].Price.Currency = "USD"
			e.PromoCodes[1].Tiers = nil
		}, `promo code "GALA-5": amount_off is for tiers of several currencies`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := aurora()
			tc.change(&event)
			if err := ticketing.ValidateCatalog([]ticketing.Event{event}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("ValidateCatalog = %v, want %q", err, tc.want)
			}
		})
	}
	t.Run("every problem", func(t *testing.T) {
		t.Parallel()
		event := aurora()
		event.Tiers[0].Fee, event.Tiers[1].MaxPerBuyer = -1, -1
		event.PromoCodes[0].MaxUses, event.PromoCodes[1].Code = -1, "x"
		err := ticketing.ValidateCatalog([]ticketing.Event{event})
		for _, want := range []string{"fee is negative", "max_per_buyer is negative", "max_uses is negative", `promo code "x"`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("ValidateCatalog = %v, want %q too", err, want)
			}
		}
	})
	t.Run("tiers of one currency", func(t *testing.T) {
		t.Parallel()
		event := aurora()
		event.Tiers[0].Price.Currency = "USD" // GALA-5 is for the other
		if err := ticketing.ValidateCatalog([]ticketing.Event{event}); err != nil {
			t.Errorf("ValidateCatalog = %v", err)
		}
	})
}

func TestPromoValidAt(t *testing.T) {
	t.Parallel()
	promo := ticketing.PromoCode{ValidFrom: noon, ValidUntil: noon.Add(time.Hour)}
	for offset, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if got := promo.ValidAt(noon.Add(offset)); got != want {
			t.Errorf("ValidAt(start + %s) = %v", offset, got)
		}
	}
}
