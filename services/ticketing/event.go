package ticketing

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxPerOrderDefault is how many seats one order may take where a tier says nothing.
const MaxPerOrderDefault = 10

// Event is something that tickets are sold for.
type Event struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Venue    string    `json:"venue"`
	StartsAt time.Time `json:"starts_at"`
	// SalesOpen and SalesClose bound the sale; a zero time is no bound.
	SalesOpen  time.Time `json:"sales_open,omitzero"`
	SalesClose time.Time `json:"sales_close,omitzero"`
	Tiers      []Tier    `json:"tiers"`
	// PromoCodes are never shown to buyers.
	PromoCodes []PromoCode `json:"promo_codes,omitempty"`
}

// Tier is one kind of seat of an event, sold at one price.
type Tier struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Price Money  `json:"price"`
	// Capacity is how many seats there are; never more are sold.
	Capacity int `json:"capacity"`
	// MaxPerOrder bounds one order's quantity; zero means MaxPerOrderDefault.
	MaxPerOrder int `json:"max_per_order"`
	// MaxPerBuyer bounds the seats of this tier that one buyer holds over all orders;
	// zero is no limit. See Buyer.Digest for who is one buyer.
	MaxPerBuyer int `json:"max_per_buyer,omitempty"`
	// Fee is added to the price of each seat, in minor units of Price's currency.
	Fee int64 `json:"fee,omitempty"`
	// TaxBasisPoints is the tax on price and fee, on top of them, in hundredths of a
	// percent: 2100 is 21 %.
	TaxBasisPoints int `json:"tax_basis_points,omitempty"`
}

// TierKey names a tier across events.
type TierKey struct{ EventID, TierID string }

// String renders the key as "event/tier"; ids hold no slash.
func (k TierKey) String() string { return k.EventID + "/" + k.TierID }

// Limit is the greatest quantity that one order may take.
func (t Tier) Limit() int { return cmp.Or(t.MaxPerOrder, MaxPerOrderDefault) }

// Tier returns the tier with the id. The empty id names the only tier of an event that has one.
func (e Event) Tier(id string) (Tier, bool) {
	if id == "" && len(e.Tiers) == 1 {
		return e.Tiers[0], true
	}
	i := slices.IndexFunc(e.Tiers, func(t Tier) bool { return t.ID == id })
	if i < 0 {
		return Tier{}, false
	}
	return e.Tiers[i], true
}

// OnSale reports whether the sale is open at the given time.
func (e Event) OnSale(at time.Time) bool { return within(at, e.SalesOpen, e.SalesClose) }

// within reports whether at is in the window from from, until just before until. A zero
// time is no bound.
func within(at, from, until time.Time) bool {
	return !at.Before(from) && (until.IsZero() || at.Before(until))
}

// ValidateCatalog checks events as an organiser wrote them and returns every
// problem found, joined.
func ValidateCatalog(events []Event) error {
	var problems []error
	seen := map[string]bool{}
	for i, e := range events {
		where := fmt.Sprintf("events[%d] %q", i, e.ID)
		if seen[e.ID] {
			problems = append(problems, fmt.Errorf("%s: id is not unique", where))
		}
		seen[e.ID] = true
		for _, err := range e.problems() {
			problems = append(problems, fmt.Errorf("%s: %w", where, err))
		}
	}
	return errors.Join(problems...)
}

func (e Event) problems() []error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(ValidID(e.ID), "id must be 1 to 63 lower-case letters, digits and inner hyphens")
	check(e.Name != "", "name is empty")
	check(len(e.Tiers) > 0, "has no tier")
	check(e.SalesClose.IsZero() || e.SalesClose.After(e.SalesOpen), "sales_close is not after sales_open")
	seen := map[string]bool{}
	for _, t := range e.Tiers {
		check(ValidID(t.ID), "tier %q: id must be 1 to 63 lower-case letters, digits and inner hyphens", t.ID)
		check(!seen[t.ID], "tier %q: id is not unique", t.ID)
		check(t.Price.Amount >= 0 && ValidCurrency(t.Price.Currency), "tier %q: price %s is not valid", t.ID, t.Price)
		check(t.Capacity >= 0, "tier %q: capacity is negative", t.ID)
		check(t.MaxPerOrder >= 0, "tier %q: max_per_order is negative", t.ID)
		check(t.MaxPerBuyer >= 0, "tier %q: max_per_buyer is negative", t.ID)
		check(t.Fee >= 0, "tier %q: fee is negative", t.ID)
		check(t.TaxBasisPoints >= 0 && t.TaxBasisPoints <= MaxTaxBasisPoints, "tier %q: tax_basis_points must be 0 to 10000", t.ID)
		check(t.countable(), "tier %q: the greatest order's price is too great to be counted in minor units", t.ID)
		seen[t.ID] = true
	}
	return append(problems, e.promoProblems()...)
}

// countable reports whether the price of the greatest order fits. Whether the tier is
// valid otherwise is for the other checks to say.
func (t Tier) countable() bool {
	if min(t.Price.Amount, t.Fee, int64(t.TaxBasisPoints), int64(t.Limit())) < 0 || t.TaxBasisPoints > MaxTaxBasisPoints {
		return true
	}
	_, err := PriceOf(t, nil, t.Limit())
	return err == nil
}

// ValidID reports whether id can name an event or a tier: a DNS label (RFC 1123).
func ValidID(id string) bool {
	if id == "" || len(id) > 63 || id[0] == '-' || id[len(id)-1] == '-' {
		return false
	}
	for _, c := range id {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
