package ticketing

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Buyer is who pays and gets the e-mail.
type Buyer struct {
	Email  string `json:"email"`
	Name   string `json:"name,omitempty"`
	Locale string `json:"locale"`
}

// digestSize is short, since there is one for each buyer and tier, and long enough that
// no two of any number of buyers share one.
const digestSize = 16

// Digest names the buyer, where seats are counted and where somebody claims to be the buyer. All spellings of an e-mail address
// that differ in case or in the space around it are one buyer. The address cannot be read
// from it, though somebody who guesses the address can recognise it.
func (b Buyer) Digest() string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(b.Email))))
	return base64.RawURLEncoding.EncodeToString(sum[:digestSize])
}
