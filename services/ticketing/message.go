package ticketing

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The versions of the message. Each kind is written in the lowest one that can say it,
// so that a consumer which does not know cancellations parks one instead of selling it.
const (
	// MessageVersion is the version in which EncodeOrder writes an order.
	MessageVersion = 1
	// CancelVersion is the version in which it writes a cancellation.
	CancelVersion = 2
)

// The kinds of message. One without a kind carries an order.
const (
	kindOrder  = "order"
	kindCancel = "cancel"
)

// ErrPoison is what DecodeOrder's errors wrap: the message will never be
// readable, so retrying it is no use.
var ErrPoison = errors.New("message cannot be read")

type orderMessage struct {
	Version int    `json:"v"`
	Kind    string `json:"kind,omitempty"`
	Order   Order  `json:"order"`
}

// EncodeOrder renders the message that carries an order, or its cancellation, through
// Redis' outbox and RabbitMQ. A cancellation has the whole order in it: it may come first.
func EncodeOrder(o Order) ([]byte, error) {
	m := orderMessage{Version: MessageVersion, Order: o}
	if o.Cancelled {
		m.Version, m.Kind = CancelVersion, kindCancel
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode order %s: %w", o.ID, err)
	}
	return body, nil
}

// DecodeOrder reads what EncodeOrder wrote. Every error wraps ErrPoison: bytes
// that are not JSON, a version or kind this code does not know, an order that cannot be one.
func DecodeOrder(body []byte) (Order, error) {
	var m orderMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return Order{}, fmt.Errorf("%w: %w", ErrPoison, err)
	}
	if m.Version != MessageVersion && m.Version != CancelVersion {
		return Order{}, fmt.Errorf("%w: version %d, known are %d and %d", ErrPoison, m.Version, MessageVersion, CancelVersion)
	}
	o := m.Order
	switch m.Kind {
	case "", kindOrder:
	case kindCancel:
		o.Cancelled = true
	default:
		return Order{}, fmt.Errorf("%w: kind %q", ErrPoison, m.Kind)
	}
	if o.ID == "" || !ValidID(o.EventID) || !ValidID(o.TierID) || o.Quantity < 1 || o.Total.Amount < 0 || !o.Price.Valid() {
		return Order{}, fmt.Errorf("%w: order %q is incomplete", ErrPoison, o.ID)
	}
	return o, nil
}
