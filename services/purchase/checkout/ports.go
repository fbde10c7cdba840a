package checkout

import (
	"context"
	"errors"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// ErrOutcomeUnknown is returned by a Reservations that cannot tell whether its step
// was taken: the request may have reached the store, its answer did not come back.
var ErrOutcomeUnknown = errors.New("outcome unknown")

// ErrUnavailable is returned by a port whose store was surely not changed: refused,
// breaker open, not connected, not yet sent.
var ErrUnavailable = errors.New("store unavailable")

// ErrFenced is returned by a Publisher, beside ErrUnavailable, where the broker takes no
// orders of the order's epoch. Most likely the arbiter has lost its data, and what it still
// says of the order will be thrown away; or the broker has lost its own. Nothing can be promised.
var ErrFenced = errors.New("the order's epoch is over")

// ErrNotFound is returned by a lookup when the store answered that it has no such order.
var ErrNotFound = errors.New("not found")

// Reservation asks for an order's seats to be held.
type Reservation struct {
	Order ticketing.Order
	// Fingerprint is a digest of what the buyer asked for. The same order id with
	// another fingerprint is a reused key.
	Fingerprint string
}

// Verdict is how the arbiter decided about a Reservation.
type Verdict int

// The verdicts of the arbiter.
const (
	// Reserved: the seats are held, the order is PENDING, in the outbox, and on disk.
	Reserved Verdict = iota + 1
	// Known: the order exists already, with the same fingerprint; Outcome.Record tells its state.
	Known
	// KeyReused: the order exists with another fingerprint.
	KeyReused
	// SaleClosed: the sale has not begun or is over, by the arbiter's clock.
	SaleClosed
	// SoldOut: fewer seats are left than were asked for.
	SoldOut
	// BuyerLimit: the buyer would hold more seats of the tier than one may; Outcome.Limit
	// says how many that is.
	BuyerLimit
	// PromoUnknown: the event has no such promo code for this tier any more.
	PromoUnknown
	// PromoNotValid: the promo code is not valid yet, or not any more, by the arbiter's clock.
	PromoNotValid
	// PromoUsedUp: as many orders as may have used the promo code.
	PromoUsedUp
	// NotOnSale: the arbiter has no stock or no rules for this tier.
	NotOnSale
	// SalePaused: the arbiter is not open, or open in another epoch than the caller's.
	SalePaused
	// OutboxFull: the outbox has reached its bound.
	OutboxFull
)

// Record is an order as a store knows it. The arbiter calls an order CANCELLED, and marks
// it so, as soon as its cancellation is durable: nothing leads back from there.
type Record struct {
	Order ticketing.Order
	State ticketing.State
}

// Cancellation asks for an order's seats to be given back.
type Cancellation struct {
	// Order is the order to cancel; of one that the arbiter has, the ID is enough.
	Order ticketing.Order
	// Epoch is set for an order that the arbiter has forgotten and the ledger calls
	// CONFIRMED: the arbiter's epoch, read before the ledger was asked. The arbiter takes the
	// order back only in that epoch: in a later one its stock may have the seats already.
	Epoch string
	// Fingerprint goes with Epoch: see Reservation.
	Fingerprint string
}

// CancelVerdict is how the arbiter took a Cancellation.
type CancelVerdict int

// The verdicts of the arbiter about a cancellation.
const (
	// CancelWaiting: the order is marked and its cancellation is in the outbox, on disk.
	CancelWaiting CancelVerdict = iota + 1
	// CancelSent: the order was marked before, and the broker has the cancellation.
	CancelSent
	// CancelSettled: the ledger has the order as CANCELLED, and the seats are in the pool.
	CancelSettled
	// CancelRefused: the ledger has refused the order, which has no seats.
	CancelRefused
	// CancelNotKnown: the arbiter has no such order, and Cancellation.Epoch is not set.
	CancelNotKnown
	// CancelPaused: the arbiter is not open, or not in Cancellation.Epoch.
	CancelPaused
	// CancelOutboxFull: the outbox has reached its bound.
	CancelOutboxFull
)

// CancelOutcome is the arbiter's answer. Epoch is set with CancelWaiting: it is the epoch to
// publish the cancellation in.
type CancelOutcome struct {
	Verdict CancelVerdict
	Epoch   string
}

// Outcome is the arbiter's answer. Record is set with Reserved and Known, Limit with BuyerLimit.
type Outcome struct {
	Verdict Verdict
	Record  Record
	Limit   int
}

// Reservations is the one arbiter of seats. Implementations apply their own deadline.
type Reservations interface {
	// Reserve decides in one atomic step, by the rules that the catalog has set and by the
	// arbiter's own clock. Its errors wrap ErrUnavailable (surely
	// nothing happened) or ErrOutcomeUnknown (the seats may be held).
	Reserve(ctx context.Context, r Reservation) (Outcome, error)
	// Accept notes that the broker has the orders: PENDING becomes ACCEPTED and they
	// leave the outbox, where a cancellation stays. It never moves an order backwards and
	// ignores unknown ids.
	Accept(ctx context.Context, ids ...ticketing.OrderID) error
	// Lookup returns the order; ErrNotFound where the store answered that it has none.
	Lookup(ctx context.Context, id ticketing.OrderID) (Record, error)
}

// Cancellations is the arbiter, for orders whose seats are given back. Implementations
// apply their own deadline.
type Cancellations interface {
	// Cancel marks the order and puts its cancellation into the outbox, in one atomic
	// step that may be repeated. The seats come back to the pool when the ledger has given
	// them back, once. Its errors are those of Reserve.
	Cancel(ctx context.Context, c Cancellation) (CancelOutcome, error)
	// AcceptCancel notes that the broker has the cancellations: they leave the outbox.
	AcceptCancel(ctx context.Context, ids ...ticketing.OrderID) error
	// Epoch returns the epoch that the arbiter is open in, "" where it is not open.
	Epoch(ctx context.Context) (string, error)
}

// Outbox is the arbiter's list of orders, and of cancellations, that the broker has not
// confirmed yet. An order is in it once.
type Outbox interface {
	// Claim returns up to limit orders that have been in the outbox, unclaimed, for at
	// least age, and makes them look new, so that no other relay claims them meanwhile. An
	// order that is marked Cancelled is to be published as its cancellation.
	Claim(ctx context.Context, age time.Duration, limit int) ([]ticketing.Order, error)
}

// Publisher hands orders to the broker.
type Publisher interface {
	// Publish returns nil once the broker has confirmed that it keeps the order, or the
	// cancellation that a Cancelled one stands for.
	// Any error means that the broker may or may not have it: the order must stay in the outbox.
	// An error that wraps ErrUnavailable means that it was surely not kept; ErrFenced says why.
	Publish(ctx context.Context, order ticketing.Order) error
}

// Ledger reads orders from the books.
type Ledger interface {
	// Lookup returns the order; ErrNotFound where the ledger answered that it has none.
	Lookup(ctx context.Context, id ticketing.OrderID) (Record, error)
}

// Settlement says how the ledger decided about one order.
type Settlement struct {
	ID    ticketing.OrderID `json:"order_id"`
	State ticketing.State   `json:"state"`
}

// Pipeline tells whether commits can be expected soon.
type Pipeline interface {
	// Paused reports whether the consumer has announced that it does not commit now.
	Paused() bool
}

// Storefront is what is on sale, as the pod knows it. It never waits for a store.
type Storefront interface {
	// Event returns the event with the id.
	Event(id string) (ticketing.Event, bool)
	// Loaded reports whether a catalog has been read at all since the start.
	Loaded() bool
}

// Gate tells whether the pod may sell at all.
type Gate interface {
	// Err returns nil, or a *ticketing.Error that says why not.
	Err() error
}
