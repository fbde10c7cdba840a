package checkout

import (
	"fmt"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// refusal turns an arbiter's verdict into what the buyer is told.
func refusal(v Verdict, order ticketing.Order) error {
	switch v {
	case KeyReused:
		return &ticketing.Error{
			Code:    ticketing.CodeKeyReused,
			Message: "this Idempotency-Key belongs to another purchase",
		}
	case SoldOut:
		return &ticketing.Error{
			Code:    ticketing.CodeSoldOut,
			Message: fmt.Sprintf("fewer than %d seats are left in %s", order.Quantity, order.Tier()),
		}
	case NotOnSale:
		return &ticketing.Error{
			Code: ticketing.CodeSalePaused, RetryAfter: retryAfter,
			Message: fmt.Sprintf("the seats of %s are not on sale yet", order.Tier()),
		}
	case SalePaused:
		return &ticketing.Error{
			Code: ticketing.CodeSalePaused, RetryAfter: retryAfter,
			Message: "the sale is paused while the stock is made ready",
		}
	case OutboxFull:
		return &ticketing.Error{
			Code: ticketing.CodeOverloaded, RetryAfter: retryAfter,
			Message: "too many orders wait for the broker",
		}
	default:
		return fmt.Errorf("order %s: the arbiter's verdict %d is not a refusal", order.ID, v)
	}
}

// outcomeUnknown tells the buyer that nobody can know yet.
func outcomeUnknown() error {
	return &ticketing.Error{
		Code: ticketing.CodeOutcomeUnknown, RetryAfter: retryAfter,
		Message: "the seats may be held: ask for the order, or send the purchase again with the same key",
	}
}

// unavailable tells the buyer that nothing happened because a store is away. The cause
// is for the log.
func unavailable(message string, cause error) error {
	e := &ticketing.Error{Code: ticketing.CodeStoreUnavailable, RetryAfter: retryAfter, Message: message}
	if cause == nil {
		return e
	}
	return fmt.Errorf("%w: %w", e, cause)
}
