package checkout

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Key is the idempotency key that a buyer sent with a purchase; "" is none.
type Key string

// minSecret is the least length of the key that order ids are derived with.
const minSecret = 32

// separator stands between the parts of what is hashed. No checked field has it in it.
const separator = "\x00"

// Identity derives order ids. Every pod has the same secret, so every pod gives the same
// buyer and key the same order; without the secret nobody can compute one.
type Identity struct{ secret []byte }

// NewIdentity returns the Identity with the secret.
func NewIdentity(secret []byte) (Identity, error) {
	if len(secret) < minSecret {
		return Identity{}, fmt.Errorf("order id secret has %d bytes, at least %d are needed", len(secret), minSecret)
	}
	return Identity{secret: secret}, nil
}

// OrderID returns the id of the buyer's order: with a key a UUIDv8 that follows from both,
// without one a new UUIDv7. The buyer's address belongs to it, so that nobody reaches
// another buyer's order by guessing a key.
func (i Identity) OrderID(email string, key Key) (ticketing.OrderID, error) {
	if key == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("make an order id: %w", err)
		}
		return ticketing.OrderID(id.String()), nil
	}
	mac := hmac.New(sha256.New, i.secret)
	mac.Write([]byte("eventflow order id v1" + separator + email + separator + string(key)))
	var id uuid.UUID
	copy(id[:], mac.Sum(nil))
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return ticketing.OrderID(id.String()), nil
}
