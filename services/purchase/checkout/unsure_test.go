package checkout_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// unsure loses the first reply of an arbiter; with blocked set, the request too.
type unsure struct {
	checkout.Reservations
	calls   atomic.Int64
	blocked bool
}

func (u *unsure) Reserve(ctx context.Context, r checkout.Reservation) (checkout.Outcome, error) {
	first := u.calls.Add(1) == 1
	if first && u.blocked {
		return checkout.Outcome{}, checkout.ErrOutcomeUnknown
	}
	outcome, err := u.Reservations.Reserve(ctx, r)
	if first {
		return checkout.Outcome{}, checkout.ErrOutcomeUnknown
	}
	return outcome, err
}

// A reply that is lost is asked for once more: the buyer gets an answer, and the seats are taken once.
func TestLostReplyIsAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := &unsure{}
		w := setup(t, func(w *world) {
			u.Reservations = w.arbiter
			w.deps.Reservations = u
		})
		record, err := w.shop.Buy(t.Context(), purchase(), "", wait)
		if err != nil || record.State != ticketing.StateAccepted {
			t.Fatalf("Buy = %v, %v; want an accepted order", record.State, err)
		}
		if left := w.left(t); left != 8 {
			t.Errorf("%d seats are left of 10 after an order of 2", left)
		}
	})
}

// A refusal of the second request says nothing about the first, which may come after it.
func TestRefusalAfterLostReplyIsNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := &unsure{blocked: true}
		w := setup(t, func(w *world) {
			u.Reservations = w.arbiter
			w.deps.Reservations = u
			w.front.event = aurora(1)
			must(t, w.arbiter.Stock(t.Context(), []ticketing.Event{w.front.event}))
		})
		_, err := w.shop.Buy(t.Context(), purchase(), "", wait)
		if ticketing.ErrorCode(err) != ticketing.CodeOutcomeUnknown {
			t.Errorf("Buy with one seat left and a lost reply = %v, want OUTCOME_UNKNOWN", err)
		}
	})
}
