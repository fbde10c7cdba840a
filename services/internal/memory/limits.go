package memory

import (
	"slices"
	"time"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// buyerTier names the seats that one buyer holds of one tier.
type buyerTier struct {
	tier  ticketing.TierKey
	buyer string
}

// eventPromo names the uses of one promo code.
type eventPromo struct{ eventID, code string }

func buyerTierOf(o ticketing.Order) buyerTier {
	return buyerTier{tier: o.Tier(), buyer: o.Buyer.Digest()}
}

func eventPromoOf(o ticketing.Order) eventPromo { return eventPromo{o.EventID, o.PromoCode} }

// rules returns what the catalog says about the order's event and tier.
func (s *arbiterState) rules(o ticketing.Order) (ticketing.Event, ticketing.Tier, bool) {
	i := slices.IndexFunc(s.catalog, func(e ticketing.Event) bool { return e.ID == o.EventID })
	if i < 0 {
		return ticketing.Event{}, ticketing.Tier{}, false
	}
	tier, found := s.catalog[i].Tier(o.TierID)
	return s.catalog[i], tier, found
}

// limited returns the limit that the order would exceed, or the zero Outcome.
func (s *arbiterState) limited(o ticketing.Order, event ticketing.Event, tier ticketing.Tier, now time.Time) checkout.Outcome {
	if most := tier.MaxPerBuyer; most > 0 && s.buyers[buyerTierOf(o)]+o.Quantity > most {
		return checkout.Outcome{Verdict: checkout.BuyerLimit, Limit: most}
	}
	if o.PromoCode == "" {
		return checkout.Outcome{}
	}
	promo, known := event.Promo(o.PromoCode, o.TierID)
	switch {
	case !known:
		return checkout.Outcome{Verdict: checkout.PromoUnknown}
	case !promo.ValidAt(now):
		return checkout.Outcome{Verdict: checkout.PromoNotValid}
	case promo.MaxUses > 0 && s.promos[eventPromoOf(o)] >= promo.MaxUses:
		return checkout.Outcome{Verdict: checkout.PromoUsedUp}
	}
	return checkout.Outcome{}
}

// count counts the order against its buyer and its promo code, where there is no limit too.
func (s *arbiterState) count(o ticketing.Order) {
	s.buyers[buyerTierOf(o)] += o.Quantity
	if o.PromoCode != "" {
		s.promos[eventPromoOf(o)]++
	}
}

// giveBack undoes count, where the order comes to nothing.
func (s *arbiterState) giveBack(o ticketing.Order, state ticketing.State) {
	if state != ticketing.StateRefused && state != ticketing.StateCancelled {
		return
	}
	s.buyers[buyerTierOf(o)] = max(0, s.buyers[buyerTierOf(o)]-o.Quantity)
	if o.PromoCode != "" {
		s.promos[eventPromoOf(o)] = max(0, s.promos[eventPromoOf(o)]-1)
	}
}
