package ticketing

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

const (
	// percent is what PromoCode.PercentOff is parts of.
	percent = 100
	// MaxTaxBasisPoints is the greatest Tier.TaxBasisPoints: a tax of 100 %.
	MaxTaxBasisPoints = 10_000
)

var errPriceOverflow = errors.New("the price is too great to be counted in minor units")

// Price says how an order's total comes about. All amounts are minor units of one
// currency and never negative, and Total = Subtotal - Discount + Fee + Tax. The zero value
// is the price of an order from before prices were broken down.
type Price struct {
	// Subtotal is the tier's price times the quantity.
	Subtotal int64 `json:"subtotal"`
	// Discount is what the promo code takes off, at most Subtotal.
	Discount int64 `json:"discount"`
	// Fee is the tier's fee times the quantity. No promo code takes anything off it.
	Fee int64 `json:"fee"`
	// Tax is the tier's share of Subtotal - Discount + Fee, on top of it.
	Tax int64 `json:"tax"`
	// Total is what the buyer pays.
	Total int64 `json:"total"`
	// Currency is an ISO 4217 code.
	Currency string `json:"currency"`
}

// Valid reports whether no amount is negative.
func (p Price) Valid() bool {
	return min(p.Subtotal, p.Discount, p.Fee, p.Tax, p.Total) >= 0
}

// PriceOf returns what quantity seats of the tier cost, with the promo code where there
// is one. Both have to be valid: see ValidateCatalog.
//
// A percentage, of the discount or of the tax, is rounded once an order, not once a seat, to the
// nearest minor unit and a half away from zero: 2.5 is 3. Everything else is exact. An
// amount that an int64 cannot hold is an error, and so is a negative quantity.
func PriceOf(t Tier, promo *PromoCode, quantity int) (Price, error) {
	fail := func(err error) (Price, error) {
		return Price{}, fmt.Errorf("price %d x %s at %s: %w", quantity, t.ID, t.Price, err)
	}
	subtotal, err := t.Price.Times(quantity)
	if err != nil {
		return fail(err)
	}
	fee, err := Money{Amount: t.Fee, Currency: t.Price.Currency}.Times(quantity)
	if err != nil {
		return fail(err)
	}
	p := Price{
		Subtotal: subtotal.Amount, Discount: promo.discount(t.Price.Amount, quantity), Fee: fee.Amount,
		Currency: t.Price.Currency,
	}
	if p.Total, err = sum(p.Subtotal-p.Discount, p.Fee); err != nil {
		return fail(err)
	}
	p.Tax = share(p.Total, t.TaxBasisPoints, MaxTaxBasisPoints)
	if p.Total, err = sum(p.Total, p.Tax); err != nil {
		return fail(err)
	}
	return p, nil
}

// discount returns what the code takes off quantity seats of that price, whose product
// is known to fit. A nil code takes nothing off.
func (p *PromoCode) discount(price int64, quantity int) int64 {
	switch {
	case p == nil:
		return 0
	case p.PercentOff > 0:
		return share(price*int64(quantity), p.PercentOff, percent)
	default:
		return min(p.AmountOff, price) * int64(quantity)
	}
}

// share returns part/whole of the amount, rounded half up, which is half away from zero
// as nothing here is negative. part is at most whole, so the result is at most the amount; the
// product in between may need 128 bits.
func share(amount int64, part, whole int) int64 {
	high, low := bits.Mul64(uint64(amount), uint64(part))
	low, carry := bits.Add64(low, uint64(whole)/2, 0)
	quotient, _ := bits.Div64(high+carry, low, uint64(whole))
	return int64(quotient)
}

// sum adds two amounts that are not negative.
func sum(a, b int64) (int64, error) {
	if a > math.MaxInt64-b {
		return 0, errPriceOverflow
	}
	return a + b, nil
}
