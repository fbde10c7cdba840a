// Package receipt signs and verifies receipts: small signed tokens (JWT, Ed25519) that say
// which order was taken. Anybody who has the public keys can verify one while every store
// is away. It must not know HTTP or any store.
package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Issuer is the "iss" claim of every receipt.
const Issuer = "eventflow"

// ErrInvalid is wrapped by every error of Verify: the token is no receipt of these keys.
var ErrInvalid = errors.New("not a valid receipt")

// Claims is what a receipt says. It names no person.
type Claims struct {
	OrderID  ticketing.OrderID `json:"order"`
	EventID  string            `json:"event"`
	TierID   string            `json:"tier"`
	Quantity int               `json:"quantity"`
	Total    ticketing.Money   `json:"total"`
	// RegisteredClaims has the issuer and, as "iat", when the order was placed.
	jwt.RegisteredClaims
}

// Signer signs receipts with one key.
type Signer struct {
	private ed25519.PrivateKey
	keyID   string
	jwks    []byte
}

// NewSigner returns the Signer whose key follows from the seed.
func NewSigner(seed []byte) (*Signer, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("receipt key seed has %d bytes, %d are needed", len(seed), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	key, err := newPublicKey(private)
	if err != nil {
		return nil, err
	}
	jwks, err := json.Marshal(keySet{Keys: []publicKey{key}})
	if err != nil {
		return nil, fmt.Errorf("encode the receipt key: %w", err)
	}
	return &Signer{private: private, keyID: key.KeyID, jwks: jwks}, nil
}

// Sign returns the order's receipt. The same order has the same receipt, from every pod.
func (s *Signer) Sign(o ticketing.Order) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, Claims{
		OrderID: o.ID, EventID: o.EventID, TierID: o.TierID, Quantity: o.Quantity, Total: o.Total,
		RegisteredClaims: jwt.RegisteredClaims{Issuer: Issuer, IssuedAt: jwt.NewNumericDate(o.PlacedAt)},
	})
	token.Header["kid"] = s.keyID
	signed, err := token.SignedString(s.private)
	if err != nil {
		return "", fmt.Errorf("sign the receipt of order %s: %w", o.ID, err)
	}
	return signed, nil
}

// JWKS returns the public keys as a JSON Web Key Set (RFC 7517, RFC 8037).
func (s *Signer) JWKS() []byte { return s.jwks }

// Keys are the public keys that receipts may be signed with, by key id.
type Keys map[string]ed25519.PublicKey

// ParseKeys reads a JSON Web Key Set. Keys of other kinds in it are left out.
func ParseKeys(jwks []byte) (Keys, error) {
	var set keySet
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, fmt.Errorf("parse receipt keys: %w", err)
	}
	keys := Keys{}
	for _, k := range set.Keys {
		if k.Type != "OKP" || k.Curve != "Ed25519" {
			continue
		}
		point, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(point) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("parse receipt keys: key %q is not an Ed25519 public key", k.KeyID)
		}
		keys[k.KeyID] = point
	}
	return keys, nil
}

// Verify returns what the token says where one of the keys has signed it. The algorithm
// and the keys are ours: nothing in the token chooses them but a key's id.
func Verify(token string, keys Keys) (Claims, error) {
	var claims Claims
	_, err := jwt.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		key, known := keys[id]
		if !known {
			return nil, fmt.Errorf("key %q is not known", id)
		}
		return key, nil
	}, jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(Issuer))
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return claims, nil
}

type keySet struct {
	Keys []publicKey `json:"keys"`
}

type publicKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	KeyID     string `json:"kid"`
}

// newPublicKey names the key by its thumbprint (RFC 7638), so that the id says which key it is.
func newPublicKey(private ed25519.PrivateKey) (publicKey, error) {
	point, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		return publicKey{}, errors.New("the receipt key is not an Ed25519 key")
	}
	x := base64.RawURLEncoding.EncodeToString(point)
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return publicKey{
		Type: "OKP", Curve: "Ed25519", X: x, Use: "sig", Algorithm: "EdDSA",
		KeyID: base64.RawURLEncoding.EncodeToString(sum[:]),
	}, nil
}
