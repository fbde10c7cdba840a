package ticketing_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// TestPriceCalculation is the price calculation: price times quantity, in minor units,
// exact, and never wrapped round.
func TestPriceCalculation(t *testing.T) {
	t.Parallel()
	eur := func(amount int64) ticketing.Money { return ticketing.Money{Amount: amount, Currency: "EUR"} }
	cases := map[string]struct {
		reason  string
		price   ticketing.Money
		n       int
		want    ticketing.Money
		wantErr bool
	}{
		"one":            {"", eur(4500), 1, eur(4500), false},
		"ten":            {"", eur(4500), 10, eur(45000), false},
		"odd cents":      {"0.07 x 3 is 0.21, which floats get wrong", eur(7), 3, eur(21), false},
		"free":           {"", eur(0), 9, eur(0), false},
		"none":           {"", eur(4500), 0, eur(0), false},
		"greatest":       {"", eur(math.MaxInt64), 1, eur(math.MaxInt64), false},
		"just fits":      {"", eur(math.MaxInt64 / 2), 2, eur(math.MaxInt64 - 1), false},
		"overflow":       {"a total must not become negative", eur(math.MaxInt64/2 + 1), 2, ticketing.Money{}, true},
		"negative count": {"", eur(1), -1, ticketing.Money{}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.price.Times(tc.n)
			if (err != nil) != tc.wantErr {
				t.Fatalf("%s: Times = %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: total (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestValidCurrency(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"EUR": true, "USD": true, "eur": false, "EU": false, "EURO": false, "": false, "E1R": false} {
		if got := ticketing.ValidCurrency(code); got != want {
			t.Errorf("ValidCurrency(%q) = %v", code, got)
		}
	}
}
