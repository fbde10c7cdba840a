package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// maxBody is the longest purchase that is read.
	maxBody = 16 << 10
	// maxFieldErrors and maxFieldName bound what an answer repeats of a bad request.
	maxFieldErrors = 20
	maxFieldName   = 64
)

// decoded is a purchase as far as it could be read.
type decoded struct {
	purchase ticketing.Purchase
	// strange lists fields that a purchase does not have, or has twice.
	strange []ticketing.FieldError
	// mistyped lists fields whose value is of another type.
	mistyped []ticketing.FieldError
}

// decodePurchase reads a purchase strictly: one JSON object in UTF-8, nothing after it,
// names exactly as they are written in the contract. It goes on after a wrong field, so
// that the buyer is told about every one. Its error says why the body is no such object.
func decodePurchase(body []byte) (decoded, error) {
	var d decoded
	if !utf8.Valid(body) {
		return d, errors.New("the body is not UTF-8")
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if !json.Valid(body) {
		return d, syntaxError(body)
	}
	if body[0] != '{' {
		return d, errors.New("the body is not a JSON object")
	}
	seen := make([]string, 0, 8)
	for name, raw := range members(body) {
		reason, known := d.set(name, raw)
		switch {
		case !known:
			d.strange = appendBounded(d.strange, name, "is not a field of a purchase")
			continue
		case slices.Contains(seen, name):
			d.strange = appendBounded(d.strange, name, "is given more than once")
			continue
		case reason != "":
			d.mistyped = appendBounded(d.mistyped, name, reason)
		}
		seen = append(seen, name)
	}
	return d, nil
}

// set gives the field its value. It returns what is wrong with the value, and whether
// there is such a field.
func (d *decoded) set(name string, raw []byte) (reason string, known bool) {
	p := &d.purchase
	switch name {
	case "event_id":
		return setString(&p.EventID, raw), true
	case "tier":
		return setString(&p.TierID, raw), true
	case "quantity":
		return setInt(&p.Quantity, raw), true
	case "email":
		return setString(&p.Email, raw), true
	case "name":
		return setString(&p.Name, raw), true
	case "promo_code":
		return setString(&p.PromoCode, raw), true
	case "locale":
		return setString(&p.Locale, raw), true
	default:
		return "", false
	}
}

func setString(to *string, raw []byte) string {
	if raw[0] != '"' {
		return "must be a string"
	}
	*to = unquote(raw)
	return ""
}

func setInt(to *int, raw []byte) string {
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		return "must be a whole number"
	}
	*to = n
	return ""
}

// appendBounded keeps a hostile body from making a long answer.
func appendBounded(fields []ticketing.FieldError, name, reason string) []ticketing.FieldError {
	if len(fields) >= maxFieldErrors {
		return fields
	}
	if len(name) > maxFieldName {
		name = strings.ToValidUTF8(name[:maxFieldName], "") + "…"
	}
	return append(fields, ticketing.FieldError{Field: name, Reason: reason})
}

// syntaxError says where the body stops being JSON.
func syntaxError(body []byte) error {
	if len(body) == 0 {
		return errors.New("the body is empty")
	}
	var syntax *json.SyntaxError
	var nothing any
	if err := json.Unmarshal(body, &nothing); errors.As(err, &syntax) {
		return fmt.Errorf("the body is not JSON: %w at byte %d", syntax, syntax.Offset)
	}
	return errors.New("the body is not JSON")
}
