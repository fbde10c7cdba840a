package notify

import (
	"context"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Kind is why a buyer is written to. The ledger stores it as text.
type Kind string

// The kinds of e-mail that the ledger asks for, at most one of each an order.
const (
	// KindConfirmation: the order is CONFIRMED.
	KindConfirmation Kind = "confirmation"
	// KindRefusal: the order is REFUSED; the seats were not there after all.
	KindRefusal Kind = "refusal"
	// KindCancellation: the order is CANCELLED, as the buyer asked.
	KindCancellation Kind = "cancellation"
)

// EmailID identifies an e-mail: an order is told the same thing once.
type EmailID struct {
	OrderID ticketing.OrderID
	Kind    Kind
}

// Email is one entry of the outbox, with what its text needs from the ledger.
type Email struct {
	ID    EmailID
	Order ticketing.Order
	// EventName, Venue, StartsAt and TierName are as the catalog has them now. Empty
	// where the ledger has none; the text then does without them.
	EventName string
	Venue     string
	StartsAt  time.Time
	TierName  string
	// Attempt counts claims of this e-mail: 1 the first time.
	Attempt int
}

// Failure says that one e-mail could not be sent.
type Failure struct {
	ID EmailID
	// Reason is for a person to read; it holds no personal data.
	Reason string
	// RetryAfter is how long from now (by the ledger's clock) the e-mail is due again.
	// Zero means never: it stays in the ledger, failed, for a person to see.
	RetryAfter time.Duration
}

// Outbox is the ledger's list of e-mails that are due. Whoever commits an order writes
// its e-mail in the same transaction. Implementations apply their own deadline too; any
// error means that nothing may have changed, and what was claimed comes due again
// when its lease ends.
type Outbox interface {
	// ClaimDue returns up to limit unsent e-mails that are due, oldest first, counts
	// the attempt, and leases them: nobody else gets them before lease has passed
	// by the ledger's clock.
	ClaimDue(ctx context.Context, limit int, lease time.Duration) ([]Email, error)
	// MarkSent notes that the e-mails were handed over. Unknown ids are ignored.
	MarkSent(ctx context.Context, ids []EmailID) error
	// MarkFailed notes why e-mails were not sent and when they are due again.
	MarkFailed(ctx context.Context, failures []Failure) error
}

// Message is a rendered e-mail. Subject is one line and To one address: neither can
// carry another header.
type Message struct {
	// ID is the same for every attempt, so that a receiver can tell a repetition.
	ID      EmailID
	To      string
	Subject string
	Body    string
	Locale  string
}

// Sender hands a message over to whoever delivers it. It may be called again for a
// message that was sent already: an e-mail arrives at least once.
type Sender interface {
	// Send returns nil once the message has been taken over. Errors that wrap
	// ErrUndeliverable will not get better; others may. No error holds personal data.
	Send(ctx context.Context, m Message) error
}
