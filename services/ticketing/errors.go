package ticketing

import (
	"errors"
	"strings"
	"time"
)

// Code names one kind of failure. The set is closed: it is part of the HTTP
// contract, where it is the problem document's "code".
type Code string

// The kinds of failure. The comment says what the caller may conclude.
const (
	// CodeInvalid: at least one field is wrong; Error.Fields lists every one.
	CodeInvalid Code = "INVALID"
	// CodeKeyReused: the idempotency key already belongs to another payload.
	CodeKeyReused Code = "KEY_REUSED"
	// CodeUnknownEvent: no such event is on sale.
	CodeUnknownEvent Code = "UNKNOWN_EVENT"
	// CodeUnknownTier: the event has no such tier.
	CodeUnknownTier Code = "UNKNOWN_TIER"
	// CodeUnknownOrder: no order has this id.
	CodeUnknownOrder Code = "UNKNOWN_ORDER"
	// CodeSoldOut: fewer seats are left than were asked for. Final for the key.
	CodeSoldOut Code = "SOLD_OUT"
	// CodeLimitExceeded: the buyer would hold more seats than one may, or the promo code
	// is used up or not valid now. Final for the key.
	CodeLimitExceeded Code = "LIMIT_EXCEEDED"
	// CodeSaleClosed: the sale has not begun or is over.
	CodeSaleClosed Code = "SALE_CLOSED"
	// CodeNotCancellable: the order has no seats to give back, or its event has begun.
	CodeNotCancellable Code = "NOT_CANCELLABLE"
	// CodeSalePaused: the seat arbiter is not open; nothing happened.
	CodeSalePaused Code = "SALE_PAUSED"
	// CodeOverloaded: a bound was reached; nothing happened.
	CodeOverloaded Code = "OVERLOADED"
	// CodeStoreUnavailable: a store that is needed cannot be reached; nothing happened.
	CodeStoreUnavailable Code = "STORE_UNAVAILABLE"
	// CodeOutcomeUnknown: the seat may be held; asking again with the same key,
	// or for the order, finds out.
	CodeOutcomeUnknown Code = "OUTCOME_UNKNOWN"
)

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Error is a failure that the domain knows by name. Every other error is internal.
type Error struct {
	Code    Code
	Message string
	// Fields is set with CodeInvalid.
	Fields []FieldError
	// RetryAfter is how long to wait before trying again; zero means "no use".
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string {
	parts := []string{string(e.Code) + ": " + e.Message}
	for _, f := range e.Fields {
		parts = append(parts, f.Field+" "+f.Reason)
	}
	return strings.Join(parts, "; ")
}

// Is makes errors.Is(err, &Error{Code: c}) compare by code.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// ErrorCode returns the code of the first *Error in err's tree, or "" for any other error.
func ErrorCode(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
