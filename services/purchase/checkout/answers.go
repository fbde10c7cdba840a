package checkout

import (
	"fmt"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// refusal turns an arbiter's verdict into what the buyer is told.
func refusal(o Outcome, order ticketing.Order) error {
	switch o.Verdict {
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
	case SaleClosed:
		return &ticketing.Error{
			Code:    ticketing.CodeSaleClosed,
			Message: fmt.Sprintf("event %q is not on sale now", order.EventID),
		}
	case BuyerLimit, PromoNotValid, PromoUsedUp:
		return &ticketing.Error{Code: ticketing.CodeLimitExceeded, Message: limitMessage(o, order)}
	case PromoUnknown:
		return &ticketing.Error{
			Code: ticketing.CodeInvalid, Message: "the purchase is not valid",
			Fields: []ticketing.FieldError{{Field: "promo_code", Reason: "is not a promo code for this tier any more"}},
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
		return fmt.Errorf("order %s: the arbiter's verdict %d is not a refusal", order.ID, o.Verdict)
	}
}

// limitMessage says which limit it was. How much of it is used is nobody's business.
func limitMessage(o Outcome, order ticketing.Order) string {
	switch o.Verdict {
	case PromoNotValid:
		return fmt.Sprintf("promo code %s is not valid now", order.PromoCode)
	case PromoUsedUp:
		return fmt.Sprintf("promo code %s is used up", order.PromoCode)
	default:
		return fmt.Sprintf("one buyer may hold at most %d seats of %s", o.Limit, order.Tier())
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
