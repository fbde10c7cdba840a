package ticketing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxPromoCode is the greatest length of a promo code.
const maxPromoCode = 32

// PromoCode takes something off the price for those who know it.
type PromoCode struct {
	// Code is what buyers type, in any case; the catalog has it in capital letters.
	Code string `json:"code"`
	// PercentOff takes 1 to 100 percent off an order's subtotal. Either it is set, or AmountOff.
	PercentOff int `json:"percent_off,omitempty"`
	// AmountOff takes minor units of the tier's currency off the price of each seat, at
	// most all of it.
	AmountOff int64 `json:"amount_off,omitempty"`
	// MaxUses is how many orders may use the code; zero is no limit.
	MaxUses int `json:"max_uses,omitempty"`
	// Tiers are the ids of the tiers that the code is for; none means all of the event's.
	Tiers []string `json:"tiers,omitempty"`
	// ValidFrom and ValidUntil bound its use; a zero time is no bound.
	ValidFrom  time.Time `json:"valid_from,omitzero"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
}

// For reports whether the code is for the tier with the id.
func (p PromoCode) For(tierID string) bool {
	return len(p.Tiers) == 0 || slices.Contains(p.Tiers, tierID)
}

// ValidAt reports whether the code may be used at the given time.
func (p PromoCode) ValidAt(at time.Time) bool { return within(at, p.ValidFrom, p.ValidUntil) }

// Promo returns the code as the catalog has it. It is not found where the event has no
// such code, or not for the tier with the id.
func (e Event) Promo(code, tierID string) (PromoCode, bool) {
	i := slices.IndexFunc(e.PromoCodes, func(p PromoCode) bool { return strings.EqualFold(p.Code, code) })
	if i < 0 || !e.PromoCodes[i].For(tierID) {
		return PromoCode{}, false
	}
	return e.PromoCodes[i], true
}

// promoProblems returns what is wrong with the event's promo codes.
func (e Event) promoProblems() []error {
	var problems []error
	seen := map[string]bool{}
	for _, p := range e.PromoCodes {
		if seen[p.Code] {
			problems = append(problems, fmt.Errorf("promo code %q: is not unique", p.Code))
		}
		seen[p.Code] = true
		for _, err := range append(p.problems(), e.scopeProblems(p)...) {
			problems = append(problems, fmt.Errorf("promo code %q: %w", p.Code, err))
		}
	}
	return problems
}

// problems returns what is wrong with the code by itself.
func (p PromoCode) problems() []error {
	var problems []error
	check := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New(problem))
		}
	}
	check(ValidPromoCode(p.Code), "code must be 1 to 32 capital letters, digits and inner hyphens")
	check((p.PercentOff == 0) != (p.AmountOff == 0), "needs either percent_off or amount_off")
	check(p.PercentOff >= 0 && p.PercentOff <= percent, "percent_off must be 1 to 100")
	check(p.AmountOff >= 0, "amount_off is negative")
	check(p.MaxUses >= 0, "max_uses is negative")
	check(p.ValidUntil.IsZero() || p.ValidUntil.After(p.ValidFrom), "valid_until is not after valid_from")
	return problems
}

// scopeProblems returns what is wrong with the code's tiers.
func (e Event) scopeProblems(p PromoCode) []error {
	var problems []error
	for _, id := range p.Tiers {
		if !slices.ContainsFunc(e.Tiers, func(t Tier) bool { return t.ID == id }) {
			problems = append(problems, fmt.Errorf("there is no tier %q", id))
		}
	}
	if p.AmountOff == 0 {
		return problems
	}
	var currency string
	for _, t := range e.Tiers {
		switch {
		case !p.For(t.ID):
		case currency == "":
			currency = t.Price.Currency
		case t.Price.Currency != currency:
			return append(problems, errors.New("amount_off is for tiers of several currencies: name tiers of one"))
		}
	}
	return problems
}

// ValidPromoCode reports whether code can name a promo code in a catalog.
func ValidPromoCode(code string) bool {
	return len(code) <= maxPromoCode && code == strings.ToUpper(code) && ValidID(strings.ToLower(code))
}
