package redisstore

import (
	"context"
	"fmt"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// cancelVerdicts are the answers of the script that carry nothing else.
var cancelVerdicts = map[string]checkout.CancelVerdict{
	"SENT":        checkout.CancelSent,
	"CANCELLED":   checkout.CancelSettled,
	"REFUSED":     checkout.CancelRefused,
	"NOT_KNOWN":   checkout.CancelNotKnown,
	"SALE_PAUSED": checkout.CancelPaused,
	"OUTBOX_FULL": checkout.CancelOutboxFull,
}

// Cancel implements checkout.Cancellations.
func (r *Reservations) Cancel(ctx context.Context, c checkout.Cancellation) (checkout.CancelOutcome, error) {
	ctx, cancel := context.WithTimeout(ctx, reserveTimeout)
	defer cancel()
	outcome, err := r.cancel(ctx, c)
	if err != nil {
		return checkout.CancelOutcome{}, fmt.Errorf("cancel %s: %w", c.Order.ID, err)
	}
	return outcome, nil
}

func (r *Reservations) cancel(ctx context.Context, c checkout.Cancellation) (checkout.CancelOutcome, error) {
	args := []any{string(c.Order.ID), r.outboxLimit, c.Epoch}
	if c.Epoch != "" {
		o := c.Order
		o.Cancelled = false // the mark is not part of what was bought
		payload, err := ticketing.EncodeOrder(o)
		if err != nil {
			return checkout.CancelOutcome{}, unavailable(err)
		}
		args = append(args, c.Fingerprint, payload, o.Tier().String(), o.Quantity, o.Total.Amount, o.Total.Currency,
			buyerFieldOf(o), promoFieldOf(o))
	}
	reply, err := scriptCancel.run(ctx, r.client, []string{orderKeyOf(c.Order.ID), keyOutbox, keyEpoch, keyAccepted}, args...)
	if err != nil {
		return checkout.CancelOutcome{}, err
	}
	return readCancelled(reply)
}

func readCancelled(reply any) (checkout.CancelOutcome, error) {
	words, err := toStrings(reply)
	switch {
	case err == nil && len(words) == 2 && words[0] == "WAITING":
		return checkout.CancelOutcome{Verdict: checkout.CancelWaiting, Epoch: words[1]}, nil
	case err == nil && len(words) == 1 && cancelVerdicts[words[0]] != 0:
		return checkout.CancelOutcome{Verdict: cancelVerdicts[words[0]]}, nil
	}
	return checkout.CancelOutcome{}, classify(fmt.Errorf("unreadable answer %v: %w", reply, err), true)
}

// AcceptCancel implements checkout.Cancellations.
func (r *Reservations) AcceptCancel(ctx context.Context, ids ...ticketing.OrderID) error {
	return r.accept(ctx, "cancel", ids)
}

// Epoch implements checkout.Cancellations.
func (r *Reservations) Epoch(ctx context.Context) (string, error) {
	return readEpoch(ctx, r.client, reserveTimeout)
}
