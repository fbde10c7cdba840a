package fulfil

import (
	"context"
	"errors"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// ErrUnavailable is wrapped by every error of a Ledger that says nothing about the
// orders themselves: not reachable, shutting down, read-only, out of disk, out of
// time. The batch may have been committed; committing it again is harmless.
var ErrUnavailable = errors.New("ledger unavailable")

// Settlement says how the ledger decided about one order.
type Settlement struct {
	Order ticketing.Order
	// State is CONFIRMED, REFUSED or CANCELLED, as the ledger has it now.
	State ticketing.State
	// New reports whether this commit wrote it; false for an order that was there already
	// in that state.
	New bool
}

// Ledger keeps the books.
type Ledger interface {
	// Commit writes the orders in one transaction, each at most once whatever the number of calls,
	// with their tickets and the e-mails that are due, and settles every one of them.
	// An order that would exceed its tier's capacity is REFUSED. One that is Cancelled
	// becomes CANCELLED, whether or not it was there: a CONFIRMED one gives its seats back and
	// loses its tickets, a REFUSED one stays so. In a batch it does not matter which comes first.
	// Its errors wrap
	// ErrUnavailable, or *RejectedError for an order that can never be written.
	Commit(ctx context.Context, orders []ticketing.Order) ([]Settlement, error)
	// Ping reports whether the ledger takes writes.
	Ping(ctx context.Context) error
}

// RejectedError says that the ledger can never take a batch because of its content.
// In a batch of one the order is to blame.
type RejectedError struct{ Err error }

// Error implements error.
func (e *RejectedError) Error() string { return "rejected by the ledger: " + e.Err.Error() }

// Unwrap returns the ledger's own error.
func (e *RejectedError) Unwrap() error { return e.Err }

// Projection is the arbiter's view of what the ledger has decided.
type Projection interface {
	// Settle marks the orders settled in the arbiter and announces them to the pods
	// that took them, one announcement a pod. An order that becomes CANCELLED gives its
	// seats back to the pool, once however often it is settled. Unknown ids are ignored.
	Settle(ctx context.Context, settlements []Settlement) error
	// SetPaused announces that the consumer has stopped or resumed committing.
	SetPaused(ctx context.Context, paused bool) error
}

// Delivery is one message of a Session. Tag is only meaningful within that session.
type Delivery struct {
	Body        []byte
	Redelivered bool
	Tag         uint64
}

// Session is one life of a channel to the broker: it ends with the connection, and
// deliveries of an ended session cannot be acknowledged by another one.
type Session interface {
	// Deliveries is closed when the session ends, for whatever reason.
	Deliveries() <-chan Delivery
	// AckUpTo acknowledges every delivery up to and including tag.
	AckUpTo(tag uint64) error
	// Park publishes the delivery to the dead-letter queue, with a confirm, and returns
	// only once the broker keeps it there. The caller acknowledges afterwards.
	Park(ctx context.Context, d Delivery, reason string) error
	// Close stops consuming and gives every unacknowledged delivery back to the queue.
	Close(ctx context.Context) error
}

// Queue is where accepted orders wait.
type Queue interface {
	// Consume opens a session with at most prefetch unacknowledged deliveries. ctx
	// bounds the opening only: the session lives on when it ends.
	Consume(ctx context.Context, prefetch int) (Session, error)
}
