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
	// maxBody is the longest body that is read.
	maxBody = 16 << 10
	// maxFieldErrors and maxFieldName bound what an answer repeats of a bad request.
	maxFieldErrors = 20
	maxFieldName   = 64
)

// misread lists what is wrong with a body's fields.
type misread struct {
	// strange lists fields that the object does not have, or has twice.
	strange []ticketing.FieldError
	// mistyped lists fields whose value is of another type.
	mistyped []ticketing.FieldError
}

// decoded is a purchase as far as it could be read.
type decoded struct {
	misread
	purchase ticketing.Purchase
}

// decodePurchase reads a purchase strictly: see decodeObject.
func decodePurchase(body []byte) (decoded, error) {
	var d decoded
	var err error
	d.misread, err = decodeObject(body, "a purchase", d.set)
	return d, err
}

// decodeObject reads a body strictly: one JSON object in UTF-8, nothing after it, names
// exactly as they are written in the contract. It goes on after a wrong field, so that the
// buyer is told about every one. set gives a field its value and returns what is wrong with it,
// and whether there is such a field. The error says why the body is no such object.
func decodeObject(body []byte, what string, set func(name string, raw []byte) (reason string, known bool)) (misread, error) {
	var m misread
	if !utf8.Valid(body) {
		return m, errors.New("the body is not UTF-8")
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if !json.Valid(body) {
		return m, syntaxError(body)
	}
	if body[0] != '{' {
		return m, errors.New("the body is not a JSON object")
	}
	seen := make([]string, 0, 8)
	for name, raw := range members(body) {
		reason, known := set(name, raw)
		switch {
		case !known:
			m.strange = appendBounded(m.strange, name, "is not a field of "+what)
			continue
		case slices.Contains(seen, name):
			m.strange = appendBounded(m.strange, name, "is given more than once")
			continue
		case reason != "":
			m.mistyped = appendBounded(m.mistyped, name, reason)
		}
		seen = append(seen, name)
	}
	return m, nil
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
