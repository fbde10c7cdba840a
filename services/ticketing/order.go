package ticketing

import (
	"fmt"
	"slices"
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

// Buyer is who pays and gets the e-mail.
type Buyer struct {
	Email  string `json:"email"`
	Name   string `json:"name,omitempty"`
	Locale string `json:"locale"`
}

// Order is one purchase: seats of one tier for one buyer.
type Order struct {
	ID        OrderID   `json:"order_id"`
	EventID   string    `json:"event_id"`
	TierID    string    `json:"tier"`
	Quantity  int       `json:"quantity"`
	Buyer     Buyer     `json:"buyer"`
	PromoCode string    `json:"promo_code,omitempty"`
	Total     Money     `json:"total"`
	PlacedAt  time.Time `json:"placed_at"`
	// Node is the pod that took the order and may be waiting for its commit.
	Node string `json:"node"`
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
// CodeUnknownEvent, CodeUnknownTier or CodeSaleClosed.
func Place(p Purchase, event Event, known bool, at time.Time) (Order, error) { //nolint:revive // not a mode: whether there is an event
	fields := p.wrongFields()
	tier, found := event.Tier(p.TierID)
	if known && found && p.Quantity > tier.Limit() {
		fields = append(fields, FieldError{"quantity", fmt.Sprintf("must be at most %d for this tier", tier.Limit())})
	}
	if known && p.TierID == "" && len(event.Tiers) > 1 {
		fields = append(fields, FieldError{"tier", "is required: the event has more than one"})
	}
	switch {
	case len(fields) > 0:
		return Order{}, &Error{Code: CodeInvalid, Message: "the purchase is not valid", Fields: fields}
	case !known:
		return Order{}, &Error{Code: CodeUnknownEvent, Message: fmt.Sprintf("there is no event %q", p.EventID)}
	case !found:
		return Order{}, &Error{Code: CodeUnknownTier, Message: fmt.Sprintf("event %q has no tier %q", p.EventID, p.TierID)}
	case !event.OnSale(at):
		return Order{}, &Error{Code: CodeSaleClosed, Message: fmt.Sprintf("event %q is not on sale", p.EventID)}
	}
	total, err := tier.Price.Times(p.Quantity)
	if err != nil {
		return Order{}, fmt.Errorf("price %d x %s/%s: %w", p.Quantity, p.EventID, tier.ID, err)
	}
	return Order{
		EventID: p.EventID, TierID: tier.ID, Quantity: p.Quantity,
		Buyer:     Buyer{Email: p.Email, Name: p.Name, Locale: localeOr(p.Locale)},
		PromoCode: p.PromoCode, Total: total, PlacedAt: at,
	}, nil
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
	wrong(!plainText(p.PromoCode, 64), "promo_code", "must be at most 64 characters without control characters")
	wrong(p.Locale != "" && !slices.Contains(Locales(), p.Locale), "locale", "must be en or es")
	return fields
}
