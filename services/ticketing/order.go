package ticketing

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OrderID identifies an order: a UUID in its canonical text form.
type OrderID string

// State is where an order is in its life.
type State string

// The states. An order only moves forward: PENDING, ACCEPTED, then one of the last three;
// a CONFIRMED one may become CANCELLED.
const (
	// StatePending: seats are held and the order is in the outbox.
	StatePending State = "PENDING"
	// StateAccepted: the broker has confirmed the order.
	StateAccepted State = "ACCEPTED"
	// StateConfirmed: the order is in the ledger.
	StateConfirmed State = "CONFIRMED"
	// StateRefused: the ledger had no room for it. The arbiter was wrong: an alarm.
	StateRefused State = "REFUSED"
	// StateCancelled: the buyer gave the seats back. There is no way back from it.
	StateCancelled State = "CANCELLED"
)

// Settled reports whether the ledger has decided about the order.
func (s State) Settled() bool {
	return s == StateConfirmed || s == StateRefused || s == StateCancelled
}

// Locales are the languages that buyers are served in; the first is the default.
func Locales() []string { return []string{"en", "es"} }

// Order is one purchase: seats of one tier for one buyer.
type Order struct {
	ID        OrderID `json:"order_id"`
	EventID   string  `json:"event_id"`
	TierID    string  `json:"tier"`
	Quantity  int     `json:"quantity"`
	Buyer     Buyer   `json:"buyer"`
	PromoCode string  `json:"promo_code,omitempty"`
	Total     Money   `json:"total"`
	// Price is how Total comes about.
	Price    Price     `json:"price,omitzero"`
	PlacedAt time.Time `json:"placed_at"`
	// Node is the pod that took the order and may be waiting for its commit.
	Node string `json:"node"`
	// Epoch names the life of the arbiter's data in which the seats were reserved, of a
	// Cancelled order the one in which it was cancelled. An order of an epoch that has ended has no
	// way into the queue any more.
	Epoch string `json:"epoch,omitempty"`
	// Cancelled: the buyer gives the seats back. It is never taken back, so that of two
	// copies of an order, in whatever sequence they come, the cancelled one counts. The kind of
	// the message carries it.
	Cancelled bool `json:"-"`
}

// Tier names the order's tier.
func (o Order) Tier() TierKey { return TierKey{EventID: o.EventID, TierID: o.TierID} }

// Tickets returns the ticket ids of the order, one a seat. They follow from the
// order id, so that every pod knows them without asking a store.
func (o Order) Tickets() []string {
	tickets := make([]string, o.Quantity)
	for i := range tickets {
		tickets[i] = fmt.Sprintf("%s-%d", o.ID, i+1)
	}
	return tickets
}

// Fingerprint is a digest of what the buyer asked for: the same order id with another
// fingerprint is a reused key. It leaves out what the shop adds, since the price may
// change between a purchase and its replay.
func (o Order) Fingerprint() string {
	// No checked field has the separator in it.
	sum := sha256.Sum256([]byte(strings.Join([]string{
		o.EventID, o.TierID, strconv.Itoa(o.Quantity), o.Buyer.Email, o.Buyer.Name, o.PromoCode, o.Buyer.Locale,
	}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// maxPromoText is how much of a promo code is read at all.
const maxPromoText = 64

// Purchase is what a buyer asks for, as it arrived: nothing in it is checked yet.
type Purchase struct {
	EventID   string
	TierID    string
	Quantity  int
	Email     string
	Name      string
	PromoCode string
	Locale    string
}

// Place checks a purchase against the event it names and prices it. known tells
// whether the event exists. The order has no ID yet. Errors are *Error: CodeInvalid with every wrong field,
// CodeUnknownEvent or CodeUnknownTier.
//
// Whether the sale is open, and whether limits allow the order, it leaves to the arbiter, which has
// the counts and one clock for all pods.
func Place(p Purchase, event Event, known bool, at time.Time) (Order, error) { //nolint:revive // not a mode: whether there is an event
	fields := p.wrongFields()
	tier, found := event.Tier(p.TierID)
	if known && found && p.Quantity > tier.Limit() {
		fields = append(fields, FieldError{"quantity", fmt.Sprintf("must be at most %d for this tier", tier.Limit())})
	}
	if known && p.TierID == "" && len(event.Tiers) > 1 {
		fields = append(fields, FieldError{"tier", "is required: the event has more than one"})
	}
	promo, valid := promoFor(p, event, tier)
	if known && found && !valid {
		fields = append(fields, FieldError{"promo_code", "is not a promo code for this tier"})
	}
	switch {
	case len(fields) > 0:
		return Order{}, &Error{Code: CodeInvalid, Message: "the purchase is not valid", Fields: fields}
	case !known:
		return Order{}, &Error{Code: CodeUnknownEvent, Message: fmt.Sprintf("there is no event %q", p.EventID)}
	case !found:
		return Order{}, &Error{Code: CodeUnknownTier, Message: fmt.Sprintf("event %q has no tier %q", p.EventID, p.TierID)}
	}
	price, err := PriceOf(tier, promo, p.Quantity)
	if err != nil {
		return Order{}, fmt.Errorf("event %s: %w", p.EventID, err)
	}
	order := Order{
		EventID: p.EventID, TierID: tier.ID, Quantity: p.Quantity,
		Buyer: Buyer{Email: p.Email, Name: p.Name, Locale: localeOr(p.Locale)},
		Total: Money{Amount: price.Total, Currency: price.Currency}, Price: price, PlacedAt: at,
	}
	if promo != nil {
		order.PromoCode = promo.Code
	}
	return order, nil
}

// promoFor returns the promo code that the purchase names, nil where it names none. It is
// not valid where the event has no such code for the tier. Of one that cannot be any, wrongFields tells.
func promoFor(p Purchase, event Event, tier Tier) (promo *PromoCode, valid bool) {
	if p.PromoCode == "" || !plainText(p.PromoCode, maxPromoText) {
		return nil, true
	}
	found, valid := event.Promo(p.PromoCode, tier.ID)
	return &found, valid
}

func localeOr(locale string) string {
	if locale == "" {
		return Locales()[0]
	}
	return locale
}

func (p Purchase) wrongFields() []FieldError {
	var fields []FieldError
	wrong := func(is bool, field, reason string) {
		if is {
			fields = append(fields, FieldError{field, reason})
		}
	}
	wrong(p.EventID == "", "event_id", "is required")
	wrong(p.EventID != "" && !ValidID(p.EventID), "event_id", "must be 1 to 63 lower-case letters, digits and inner hyphens")
	wrong(p.TierID != "" && !ValidID(p.TierID), "tier", "must be 1 to 63 lower-case letters, digits and inner hyphens")
	wrong(p.Quantity < 1, "quantity", "must be at least 1")
	wrong(p.Email == "", "email", "is required")
	wrong(p.Email != "" && !ValidEmail(p.Email), "email", "must be an e-mail address")
	wrong(!plainText(p.Name, 200), "name", "must be at most 200 characters without control characters")
	wrong(!plainText(p.PromoCode, maxPromoText), "promo_code", "must be at most 64 characters without control characters")
	wrong(p.Locale != "" && !slices.Contains(Locales(), p.Locale), "locale", "must be en or es")
	return fields
}
