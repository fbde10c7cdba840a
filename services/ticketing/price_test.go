package ticketing_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func tierAt(price, fee int64, tax int) ticketing.Tier {
	return ticketing.Tier{ID: "t", Price: ticketing.Money{Amount: price, Currency: "EUR"}, Fee: fee, TaxBasisPoints: tax}
}

func percentOff(n int) *ticketing.PromoCode { return &ticketing.PromoCode{Code: "X", PercentOff: n} }

func amountOff(n int64) *ticketing.PromoCode { return &ticketing.PromoCode{Code: "X", AmountOff: n} }

func TestPriceOf(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason   string
		tier     ticketing.Tier
		promo    *ticketing.PromoCode
		quantity int
		// want is subtotal, discount, fee, tax, total.
		want [5]int64
	}{
		"price only":             {"", tierAt(4500, 0, 0), nil, 2, [5]int64{9000, 0, 0, 0, 9000}},
		"fee":                    {"", tierAt(4500, 150, 0), nil, 2, [5]int64{9000, 0, 300, 0, 9300}},
		"tax":                    {"", tierAt(4500, 0, 2100), nil, 2, [5]int64{9000, 0, 0, 1890, 10890}},
		"tax on the fee too":     {"", tierAt(4500, 150, 2100), nil, 2, [5]int64{9000, 0, 300, 1953, 11253}},
		"percent":                {"", tierAt(4500, 0, 0), percentOff(10), 2, [5]int64{9000, 900, 0, 0, 8100}},
		"tax after the discount": {"", tierAt(4500, 150, 2100), percentOff(10), 2, [5]int64{9000, 900, 300, 1764, 10164}},
		"amount off each":        {"", tierAt(4500, 0, 0), amountOff(500), 3, [5]int64{13500, 1500, 0, 0, 12000}},
		"amount off all":         {"never below zero", tierAt(300, 0, 0), amountOff(500), 3, [5]int64{900, 900, 0, 0, 0}},
		"all off but the fee":    {"a code takes nothing off a fee", tierAt(4500, 150, 1000), percentOff(100), 2, [5]int64{9000, 9000, 300, 30, 330}},
		"free":                   {"", tierAt(0, 0, 2100), percentOff(50), 9, [5]int64{0, 0, 0, 0, 0}},
		"nothing":                {"", tierAt(4500, 150, 2100), nil, 0, [5]int64{0, 0, 0, 0, 0}},
		"discount of a half":     {"2.5 is 3", tierAt(5, 0, 0), percentOff(50), 1, [5]int64{5, 3, 0, 0, 2}},
		"discount below a half":  {"2.49 is 2", tierAt(83, 0, 0), percentOff(3), 1, [5]int64{83, 2, 0, 0, 81}},
		"discount above a half":  {"2.52 is 3", tierAt(84, 0, 0), percentOff(3), 1, [5]int64{84, 3, 0, 0, 81}},
		"once an order":          {"three halves are 1.5, not 3", tierAt(1, 0, 0), percentOff(50), 3, [5]int64{3, 2, 0, 0, 1}},
		"tax of a half":          {"0.5 is 1", tierAt(5, 0, 1000), nil, 1, [5]int64{5, 0, 0, 1, 6}},
		"tax below a half":       {"0.4999 is 0", tierAt(4999, 0, 1), nil, 1, [5]int64{4999, 0, 0, 0, 4999}},
		"tax once an order":      {"20 x 0.05 is 1", tierAt(5, 0, 100), nil, 20, [5]int64{100, 0, 0, 1, 101}},
		"the greatest": {
			"no product is cut off on its way", tierAt(math.MaxInt64/2, 0, 10_000), nil, 1,
			[5]int64{math.MaxInt64 / 2, 0, 0, math.MaxInt64 / 2, math.MaxInt64 - 1},
		},
		"the greatest discount": {
			"", tierAt(math.MaxInt64, 0, 0), percentOff(99), 1,
			[5]int64{math.MaxInt64, 9131138316486228049, 0, 0, 92233720368547758},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := ticketing.PriceOf(tc.tier, tc.promo, tc.quantity)
			if err != nil {
				t.Fatal(err)
			}
			got := [5]int64{p.Subtotal, p.Discount, p.Fee, p.Tax, p.Total}
			if diff := cmp.Diff(tc.want, got); diff != "" || p.Currency != "EUR" {
				t.Errorf("%s: subtotal, discount, fee, tax, total in %s (-want +got):\n%s", tc.reason, p.Currency, diff)
			}
		})
	}
}

func TestPriceOfOverflow(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		tier     ticketing.Tier
		promo    *ticketing.PromoCode
		quantity int
	}{
		"subtotal":                   {tierAt(math.MaxInt64/2+1, 0, 0), nil, 2},
		"subtotal, though it is off": {tierAt(math.MaxInt64, 0, 0), percentOff(100), 2},
		"fee":                        {tierAt(0, math.MaxInt64, 0), nil, 2},
		"price and fee":              {tierAt(math.MaxInt64, 1, 0), nil, 1},
		"tax":                        {tierAt(math.MaxInt64/2+1, 0, 10_000), nil, 1},
		"negative quantity":          {tierAt(1, 0, 0), nil, -1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, err := ticketing.PriceOf(tc.tier, tc.promo, tc.quantity); err == nil || p != (ticketing.Price{}) {
				t.Errorf("PriceOf = %+v, %v; want an error", p, err)
			}
		})
	}
}

// exactly is PriceOf with numbers of any size.
func exactly(t ticketing.Tier, promo *ticketing.PromoCode, quantity int64) (subtotal, discount, fee, tax, total *big.Int) {
	n := big.NewInt(quantity)
	times := func(amount int64) *big.Int { return new(big.Int).Mul(big.NewInt(amount), n) }
	// share is floor((2 x amount x part + whole) / (2 x whole)): half up.
	share := func(amount *big.Int, part, whole int64) *big.Int {
		doubled := new(big.Int).Mul(amount, big.NewInt(2*part))
		return doubled.Add(doubled, big.NewInt(whole)).Div(doubled, big.NewInt(2*whole))
	}
	subtotal, fee, discount = times(t.Price.Amount), times(t.Fee), new(big.Int)
	switch {
	case promo == nil:
	case promo.PercentOff > 0:
		discount = share(subtotal, int64(promo.PercentOff), 100)
	default:
		discount = times(min(promo.AmountOff, t.Price.Amount))
	}
	net := new(big.Int).Add(new(big.Int).Sub(subtotal, discount), fee)
	tax = share(net, int64(t.TaxBasisPoints), 10_000)
	return subtotal, discount, fee, tax, new(big.Int).Add(net, tax)
}

// FuzzPriceOf: whatever the numbers are, the price is the exact one, or an error where that does
// not fit; it adds up, nothing is negative, and one more seat never costs less.
func FuzzPriceOf(f *testing.F) {
	f.Add(int64(4500), int64(150), uint16(2100), uint8(10), int64(0), uint16(2))
	f.Add(int64(1), int64(0), uint16(1), uint8(50), int64(0), uint16(3))
	f.Add(int64(300), int64(7), uint16(10_000), uint8(0), int64(500), uint16(9))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), uint16(10_000), uint8(99), int64(1), uint16(1))
	f.Add(int64(math.MaxInt64/3), int64(1), uint16(9_999), uint8(0), int64(0), uint16(2))
	f.Fuzz(func(t *testing.T, price, fee int64, tax uint16, percent uint8, off int64, quantity uint16) {
		tier := tierAt(price&math.MaxInt64, fee&math.MaxInt64, int(tax)%10_001)
		var promo *ticketing.PromoCode
		switch percent %= 101; {
		case percent > 0:
			promo = percentOff(int(percent))
		case off != 0:
			promo = amountOff(off & math.MaxInt64)
		}
		p, err := ticketing.PriceOf(tier, promo, int(quantity))
		subtotal, discount, fees, taxes, total := exactly(tier, promo, int64(quantity))
		if fits := subtotal.IsInt64() && fees.IsInt64() && total.IsInt64(); fits != (err == nil) {
			t.Fatalf("PriceOf(%+v, %+v, %d) = %v; the exact total is %s", tier, promo, quantity, err, total)
		}
		if err != nil {
			return
		}
		for name, pair := range map[string]struct {
			want *big.Int
			got  int64
		}{
			"subtotal": {subtotal, p.Subtotal}, "discount": {discount, p.Discount}, "fee": {fees, p.Fee},
			"tax": {taxes, p.Tax}, "total": {total, p.Total},
		} {
			if pair.want.Cmp(big.NewInt(pair.got)) != 0 {
				t.Errorf("PriceOf(%+v, %+v, %d): %s is %d, exactly %s", tier, promo, quantity, name, pair.got, pair.want)
			}
		}
		if !p.Valid() || p.Discount > p.Subtotal || p.Subtotal-p.Discount+p.Fee+p.Tax != p.Total {
			t.Errorf("%+v does not add up", p)
		}
		if more, err := ticketing.PriceOf(tier, promo, int(quantity)+1); err == nil && more.Total < p.Total {
			t.Errorf("%d seats cost %d, one more %d", quantity, p.Total, more.Total)
		}
	})
}
