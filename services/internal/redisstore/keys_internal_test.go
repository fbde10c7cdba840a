package redisstore

import (
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// TestFieldNames: what is counted is found by these names again, by later versions too.
func TestFieldNames(t *testing.T) {
	t.Parallel()
	order := ticketing.Order{
		EventID: "aurora", TierID: "vip", Buyer: ticketing.Buyer{Email: "Ada@Example.com"}, PromoCode: "EARLY",
	}
	plain := order
	plain.PromoCode = ""
	for got, want := range map[string]string{
		buyerFieldOf(order):                     "aurora/vip:tfyF5VdV-eDQMKEKtEKbaw",
		promoFieldOf(order):                     "aurora:EARLY",
		promoFieldOf(plain):                     "",
		promoRuleFieldOf(order.Tier(), "EARLY"): "aurora/vip:EARLY",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestRuleOf(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 23, 12, 0, 0, 123_456_789, time.UTC)
	for name, tc := range map[string]struct {
		from, until time.Time
		atMost      int
		want        string
	}{
		"no bound":         {want: "0 0 0"},
		"all":              {noon, noon.Add(time.Second), 4, "1795435200123 1795435201123 4"},
		"open end":         {from: noon, want: "1795435200123 0 0"},
		"in another place": {from: noon.In(time.FixedZone("", 3600)), want: "1795435200123 0 0"},
		"long over":        {until: time.Unix(-1, 0), want: "0 1 0"},
		"the epoch itself": {until: time.Unix(0, 0), want: "0 1 0"},
	} {
		if got := ruleOf(tc.from, tc.until, tc.atMost); got != tc.want {
			t.Errorf("%s: ruleOf = %q, want %q", name, got, tc.want)
		}
	}
}
