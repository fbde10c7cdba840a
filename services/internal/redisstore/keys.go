package redisstore

import (
	"fmt"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// The keys. All share the hash tag {ef}.
const (
	keyEpoch    = "{ef}:epoch"    // string; absent while the sale is not open
	keyStock    = "{ef}:stock"    // hash: tier -> seats left in the pool
	keyCapacity = "{ef}:capacity" // hash: tier -> capacity that the pool was given
	keyCatalog  = "{ef}:catalog"  // string: catalogDocument
	keyRules    = "{ef}:rules"    // hash: tier, and tier:promo code -> ruleOf; what reservations obey
	keyBuyers   = "{ef}:buyers"   // hash: buyerFieldOf -> seats of the tier that the buyer holds
	keyPromos   = "{ef}:promos"   // hash: promoFieldOf -> orders that use the code
	keyOutbox   = "{ef}:outbox"   // sorted set: order id by milliseconds of its last claim
	keyAccepted = "{ef}:accepted" // sorted set: order id by milliseconds of the broker's confirm, until it is settled
	keyPending  = "{ef}:pending"  // hash: tier:orders, tier:tickets, tier:amount, tier:currency
	keyPaused   = "{ef}:paused"   // string; present while the consumer is paused
	keyRebuild  = "{ef}:rebuild"  // string: token of the rebuild that has the claim; expires

	orderPrefix    = "{ef}:order:"    // hash: state, fp, payload, tier, qty, amount, currency, buyer, promo, cancel: epoch of the mark
	announcePrefix = "{ef}:announce:" // channel of the node whose name follows
)

func orderKeyOf(id ticketing.OrderID) string { return orderPrefix + string(id) }

func announceChannel(node string) string { return announcePrefix + node }

// buyerFieldOf names the seats that the order's buyer holds of the order's tier. It is the
// order's field "buyer" too, so that no script makes a name.
func buyerFieldOf(o ticketing.Order) string { return o.Tier().String() + ":" + o.Buyer.Digest() }

// promoFieldOf names the uses of the order's promo code, "" where it has none. It is the
// order's field "promo" too.
func promoFieldOf(o ticketing.Order) string {
	if o.PromoCode == "" {
		return ""
	}
	return o.EventID + ":" + o.PromoCode
}

// promoRuleFieldOf names the rule of a promo code for a tier.
func promoRuleFieldOf(tier ticketing.TierKey, code string) string { return tier.String() + ":" + code }

// ruleOf renders a window and a bound as reserve.lua reads them: three whole numbers, the
// times in milliseconds. Zero is no bound.
func ruleOf(from, until time.Time, atMost int) string {
	return fmt.Sprintf("%d %d %d", millisecondOf(from), millisecondOf(until), atMost)
}

// millisecondOf returns a positive number for every time but the zero time. What was
// before 1970 has been over for long, whenever it was.
func millisecondOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, t.UnixMilli())
}
