package ticketing

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MessageVersion is the version of the message that EncodeOrder writes.
const MessageVersion = 1

// ErrPoison is what DecodeOrder's errors wrap: the message will never be
// readable, so retrying it is no use.
var ErrPoison = errors.New("message cannot be read")

type orderMessage struct {
	Version int   `json:"v"`
	Order   Order `json:"order"`
}

// EncodeOrder renders the message that carries an order through Redis' outbox
// and RabbitMQ.
func EncodeOrder(o Order) ([]byte, error) {
	body, err := json.Marshal(orderMessage{Version: MessageVersion, Order: o})
	if err != nil {
		return nil, fmt.Errorf("encode order %s: %w", o.ID, err)
	}
	return body, nil
}

// DecodeOrder reads what EncodeOrder wrote. Every error wraps ErrPoison: bytes
// that are not JSON, a version this code does not know, an order that cannot be one.
func DecodeOrder(body []byte) (Order, error) {
	var m orderMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return Order{}, fmt.Errorf("%w: %w", ErrPoison, err)
	}
	if m.Version != MessageVersion {
		return Order{}, fmt.Errorf("%w: version %d, known is %d", ErrPoison, m.Version, MessageVersion)
	}
	o := m.Order
	if o.ID == "" || !ValidID(o.EventID) || !ValidID(o.TierID) || o.Quantity < 1 || o.Total.Amount < 0 || !o.Price.Valid() {
		return Order{}, fmt.Errorf("%w: order %q is incomplete", ErrPoison, o.ID)
	}
	return o, nil
}
