package checkout_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// TestBuySaysWhichLimit: Ada holds two seats, bought with the promo code.
func TestBuySaysWhichLimit(t *testing.T) {
	t.Parallel()
	promo := func(change func(*ticketing.PromoCode)) func(*ticketing.Event) {
		return func(e *ticketing.Event) { change(&e.PromoCodes[0]) }
	}
	cases := map[string]struct {
		change func(*ticketing.Event)
		buy    func(*ticketing.Purchase)
		want   ticketing.Error
	}{
		"buyer": {
			change: func(e *ticketing.Event) { e.Tiers[0].MaxPerBuyer = 3 },
			want:   ticketing.Error{Code: ticketing.CodeLimitExceeded, Message: "one buyer may hold at most 3 seats of aurora/general"},
		},
		"buyer, spelt otherwise": {
			change: func(e *ticketing.Event) { e.Tiers[0].MaxPerBuyer = 3 },
			buy:    func(p *ticketing.Purchase) { p.Email = "ADA@example.com" },
			want:   ticketing.Error{Code: ticketing.CodeLimitExceeded, Message: "one buyer may hold at most 3 seats of aurora/general"},
		},
		"promo code used up": {
			change: promo(func(p *ticketing.PromoCode) { p.MaxUses = 1 }),
			want:   ticketing.Error{Code: ticketing.CodeLimitExceeded, Message: "promo code EARLY is used up"},
		},
		"promo code too late": {
			change: promo(func(p *ticketing.PromoCode) { p.ValidUntil = time.Now() }),
			want:   ticketing.Error{Code: ticketing.CodeLimitExceeded, Message: "promo code EARLY is not valid now"},
		},
		"promo code too early": {
			change: promo(func(p *ticketing.PromoCode) { p.ValidFrom = time.Now().Add(1) }),
			want:   ticketing.Error{Code: ticketing.CodeLimitExceeded, Message: "promo code EARLY is not valid now"},
		},
		"sale closed": {
			change: func(e *ticketing.Event) { e.SalesClose = time.Now() },
			want:   ticketing.Error{Code: ticketing.CodeSaleClosed, Message: `event "aurora" is not on sale now`},
		},
		"sale not open": {
			change: func(e *ticketing.Event) { e.SalesOpen = time.Now().Add(1) },
			want:   ticketing.Error{Code: ticketing.CodeSaleClosed, Message: `event "aurora" is not on sale now`},
		},
		"no such promo code": {
			buy: func(p *ticketing.Purchase) { p.PromoCode = "LATE" },
			want: ticketing.Error{
				Code: ticketing.CodeInvalid, Message: "the purchase is not valid",
				Fields: []ticketing.FieldError{{Field: "promo_code", Reason: "is not a promo code for this tier"}},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, nil)
				w.restock(t, func(e *ticketing.Event) { e.PromoCodes = []ticketing.PromoCode{{Code: "EARLY", PercentOff: 10}} })
				p := purchase()
				p.PromoCode = "early"
				first, err := w.shop.Buy(t.Context(), p, "first", 0)
				if err != nil || first.Order.PromoCode != "EARLY" || first.Order.Total.Amount != 8100 {
					t.Fatalf("Buy = %+v, %v; want 10 %% off", first.Order, err)
				}
				if tc.change != nil {
					w.restock(t, tc.change)
				}
				if tc.buy != nil {
					tc.buy(&p)
				}
				_, err = w.shop.Buy(t.Context(), p, "second", 0)
				var got *ticketing.Error
				if !errors.As(err, &got) {
					t.Fatalf("Buy = %v, want a refusal", err)
				}
				if diff := cmp.Diff(tc.want, *got); diff != "" {
					t.Errorf("refusal (-want +got):\n%s", diff)
				}
				if w.left(t) != 8 {
					t.Errorf("%d seats are left, want 8", w.left(t))
				}
			})
		})
	}
}

// TestAPodsClockClosesNoSale: the pod believes that the sale is over, or has not begun; the arbiter knows better.
func TestAPodsClockClosesNoSale(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"fast": 48 * time.Hour, "slow": -48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, func(w *world) { w.deps.Clock = func() time.Time { return time.Now().Add(off) } })
				w.restock(t, func(e *ticketing.Event) {
					e.SalesOpen, e.SalesClose = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
				})
				if _, err := w.shop.Buy(t.Context(), purchase(), "open", 0); err != nil {
					t.Errorf("Buy while the sale is open = %v", err)
				}
				// And the other way round: open by the pod's clock alone.
				w.restock(t, func(e *ticketing.Event) {
					e.SalesOpen, e.SalesClose = time.Now().Add(off-time.Hour), time.Now().Add(off+time.Hour)
				})
				if _, err := w.shop.Buy(t.Context(), purchase(), "closed", 0); ticketing.ErrorCode(err) != ticketing.CodeSaleClosed {
					t.Errorf("Buy while the sale is closed = %v, want SALE_CLOSED", err)
				}
			})
		})
	}
}

// TestAStalePodIsCorrected: a pod that has an older catalog sells by the arbiter's.
func TestAStalePodIsCorrected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.restock(t, func(e *ticketing.Event) { e.PromoCodes = []ticketing.PromoCode{{Code: "EARLY", PercentOff: 10}} })
		newer := aurora(10)
		newer.Tiers[0].MaxPerBuyer = 1
		must(t, w.arbiter.Stock(t.Context(), []ticketing.Event{newer}))
		p := purchase()
		if _, err := w.shop.Buy(t.Context(), p, checkout.Key("limit"), 0); ticketing.ErrorCode(err) != ticketing.CodeLimitExceeded {
			t.Errorf("Buy over a limit that the pod has not heard of = %v, want LIMIT_EXCEEDED", err)
		}
		p.Quantity, p.PromoCode = 1, "EARLY"
		if _, err := w.shop.Buy(t.Context(), p, checkout.Key("promo"), 0); ticketing.ErrorCode(err) != ticketing.CodeInvalid {
			t.Errorf("Buy with a promo code that is gone = %v, want INVALID", err)
		}
	})
}
