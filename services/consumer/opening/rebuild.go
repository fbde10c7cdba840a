package opening

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// A rebuild gives an arbiter without data its seats back: what the ledger has not sold.
// That is only right once nothing can reach the ledger any more that is not counted, or
// its seats would be sold twice. So, in this order:
//
//   - The arbiter is claimed. One rebuild at a time has it to itself, as long as it goes on;
//     one whose claim has run out can open nothing any more.
//   - The epoch that was lost is fenced at the broker. A pod that reserved in it and has
//     not published yet, however slow or frozen, is told so and promises nothing.
//   - What is in the queue is written to the ledger, to the last order.
//   - The ledger is counted, the arbiter is filled and opened in a new epoch, which is
//     noted in the ledger and let into the queue before.
//
// Every step can be repeated, and stopping between any two is harmless: the sale stays
// paused, and the next attempt begins from the top. The first opening of all is the same
// with nothing sold.

const (
	// drainEvery is the time between two looks at the queue.
	drainEvery = 250 * time.Millisecond
	// drainedFor is how long the queue must have had no orders and no consumers: an order
	// that the broker had routed when the epoch was fenced may be a moment away from the queue still.
	drainedFor = 2 * time.Second
	// page bounds the orders that are read from the ledger at a time.
	page = 1000
)

var (
	errNotOpened = errors.New("the ledger has another epoch open")
	errSettling  = errors.New("the orders that are settled have no end")
)

// claim reports whether this rebuild has the arbiter to itself, from now on for ClaimFor.
func (o *Opener) claim(ctx context.Context, stale string) (bool, error) {
	if o.token == "" {
		o.token = rand.Text()
	}
	err := o.Stock.Begin(ctx, o.token, stale)
	if errors.Is(err, ErrBusy) {
		return false, nil
	}
	return err == nil, err
}

// release lets the consumer back to the queue.
func (o *Opener) release() {
	o.hold.Store(false)
	o.drainedSince = time.Time{}
}

// rebuild takes the next step of a rebuild. stale is the epoch of an arbiter that came
// back with old data, open the one that the ledger has as open; either may be "".
func (o *Opener) rebuild(ctx context.Context, stale, open string) (time.Duration, error) {
	claimed, err := o.claim(ctx, stale)
	switch {
	case err != nil:
		return 0, fmt.Errorf("claim the arbiter: %w", err)
	case !claimed: // who has it waits for this consumer to leave the queue, too
		_, err := o.drain(ctx)
		o.drainedSince = time.Time{} // the fence is still to come
		return drainEvery, err
	case open != "":
		o.Logger.WarnContext(ctx, "The arbiter has lost its data: the sale is paused until it is rebuilt", "epoch", open)
		if err := o.end(ctx, open); err != nil {
			return 0, err
		}
		o.lost = open
	}
	if wait, err := o.drain(ctx); err != nil || wait > 0 {
		return wait, err
	}
	// Once more: another opener may have told the queue of it since, not knowing better.
	if err := o.fence(ctx, o.lost); err != nil {
		return 0, err
	}
	epoch, err := o.reopen(ctx, stale)
	if err != nil {
		return 0, err
	}
	o.release()
	// The arbiter has the catalog's capacities now; see widen.
	if err := o.saveCatalog(ctx); err != nil {
		return 0, err
	}
	o.epoch = epoch
	return checkEvery, nil
}

// end fences an epoch at the broker and notes that it is over. The note comes last: an
// epoch that the ledger has as ended is fenced for certain.
func (o *Opener) end(ctx context.Context, epoch string) error {
	if err := o.fence(ctx, epoch); err != nil {
		return err
	}
	if err := bounded(ctx, callTimeout, func(ctx context.Context) error { return o.Books.EndEpoch(ctx, epoch) }); err != nil {
		return fmt.Errorf("end the lost epoch: %w", err)
	}
	return nil
}

func (o *Opener) fence(ctx context.Context, epoch string) error {
	if epoch == "" {
		return nil
	}
	if err := bounded(ctx, callTimeout, func(ctx context.Context) error { return o.Backlog.Fence(ctx, epoch) }); err != nil {
		return fmt.Errorf("fence the lost epoch: %w", err)
	}
	return nil
}

// drain returns no wait once every order that was let into the queue is in the ledger.
func (o *Opener) drain(ctx context.Context) (time.Duration, error) {
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ready, consumers, err := o.Backlog.State(callCtx)
	if err != nil {
		return 0, err
	}
	// The consumer leaves an empty queue and comes back to one that is not, such as one
	// that another consumer, in leaving, has given its orders back to.
	o.hold.Store(ready == 0)
	if ready > 0 || consumers > 0 {
		o.drainedSince = time.Time{}
		return drainEvery, nil
	}
	now := o.Now()
	if o.drainedSince.IsZero() {
		o.drainedSince = now
	}
	if now.Sub(o.drainedSince) < drainedFor {
		return drainEvery, nil
	}
	return 0, nil
}

// reopen fills the arbiter and opens a new epoch, which it returns.
func (o *Opener) reopen(ctx context.Context, stale string) (string, error) {
	began := o.Now()
	if err := o.checkSettings(ctx); err != nil {
		return "", err
	}
	epoch := o.NewEpoch()
	open, err := answer(ctx, func(ctx context.Context) (string, error) { return o.Books.OpenEpoch(ctx, epoch) })
	switch {
	case err != nil:
		return "", fmt.Errorf("note the epoch: %w", err)
	case open != epoch:
		return "", fmt.Errorf("note the epoch: %w", errNotOpened) // by somebody whose claim had run out
	}
	if err := o.admit(ctx, epoch); err != nil {
		return "", err
	}
	restored, err := o.fill(ctx, stale, epoch)
	if err != nil {
		return "", fmt.Errorf("fill the arbiter: %w", err)
	}
	o.token, o.lost = "", ""
	o.Metrics.open.Set(1)
	o.Metrics.rebuilds.Inc()
	o.Logger.InfoContext(ctx, "Opened the sale", "epoch", epoch, telemetry.KeyCount, restored,
		telemetry.KeyDuration, o.Now().Sub(began).Seconds())
	return epoch, nil
}

// fill gives the arbiter what the ledger has and opens it. It returns how many settled
// orders the arbiter was given.
func (o *Opener) fill(ctx context.Context, stale, epoch string) (int, error) {
	if err := o.Stock.Begin(ctx, o.token, stale); err != nil {
		return 0, err
	}
	sold, err := answer(ctx, o.Books.Sold)
	if err != nil {
		return 0, err
	}
	restored, err := o.restore(ctx)
	if err != nil {
		return 0, err
	}
	sale := Sale{Token: o.token, Epoch: epoch, Events: o.events, Sold: sold}
	return restored, bounded(ctx, callTimeout, func(ctx context.Context) error { return o.Stock.Open(ctx, sale) })
}

// restore gives the arbiter every settled order, page by page. Nothing is written to the
// ledger meanwhile, so that the pages have an end.
func (o *Opener) restore(ctx context.Context) (int, error) {
	restored := 0
	var last ticketing.OrderID
	for ctx.Err() == nil {
		records, err := answer(ctx, func(ctx context.Context) ([]Record, error) {
			return o.Books.Settled(ctx, last, page)
		})
		if err != nil {
			return 0, err
		}
		if len(records) > 0 {
			if records[len(records)-1].Order.ID <= last {
				return 0, errSettling
			}
			last = records[len(records)-1].Order.ID
			err := bounded(ctx, callTimeout, func(ctx context.Context) error { return o.Stock.Restore(ctx, o.token, records) })
			if err != nil {
				return 0, err
			}
		}
		restored += len(records)
		if len(records) < page {
			return restored, nil
		}
	}
	return 0, ctx.Err()
}
