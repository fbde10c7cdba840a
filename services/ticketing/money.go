package ticketing

import (
	"fmt"
	"math"
)

// Money is an amount in the minor units of a currency: 4500 EUR is 45 euros.
// It is never a float.
type Money struct {
	// Amount counts minor units (cents).
	Amount int64 `json:"amount"`
	// Currency is an ISO 4217 code.
	Currency string `json:"currency"`
}

// ValidCurrency reports whether code looks like an ISO 4217 code: three capital letters.
func ValidCurrency(code string) bool {
	if len(code) != 3 {
		return false
	}
	for _, c := range code {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// Times returns m multiplied by n. It fails for a negative n and on overflow.
func (m Money) Times(n int) (Money, error) {
	if n < 0 {
		return Money{}, fmt.Errorf("multiply %s by %d: negative", m, n)
	}
	if n > 0 && m.Amount > math.MaxInt64/int64(n) {
		return Money{}, fmt.Errorf("multiply %s by %d: overflow", m, n)
	}
	return Money{Amount: m.Amount * int64(n), Currency: m.Currency}, nil
}

// String renders the amount in minor units, for logs and errors.
func (m Money) String() string { return fmt.Sprintf("%d %s", m.Amount, m.Currency) }
