package checkout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// losing loses replies of Cancel, as often as told; with blocked set, the requests too.
type losing struct {
	checkout.Cancellations
	times   int
	blocked bool
}

func (l *losing) Cancel(ctx context.Context, c checkout.Cancellation) (checkout.CancelOutcome, error) {
	l.times--
	if l.times < 0 {
		return l.Cancellations.Cancel(ctx, c)
	}
	if !l.blocked {
		if _, err := l.Cancellations.Cancel(ctx, c); err != nil {
			return checkout.CancelOutcome{}, err
		}
	}
	return checkout.CancelOutcome{}, checkout.ErrOutcomeUnknown
}

func TestCancelWithLostReplies(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		losing losing
		before func(*world)
		want   ticketing.Code
	}{
		"once":          {losing: losing{times: 1}},
		"twice":         {losing: losing{times: 2}, want: ticketing.CodeOutcomeUnknown},
		"request, once": {losing: losing{times: 1, blocked: true}},
		"request, once, and the second is refused": {
			losing: losing{times: 1, blocked: true},
			before: func(w *world) { w.arbiter.SetEpoch("") },
			want:   ticketing.CodeOutcomeUnknown,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, func(w *world) {
					tc.losing.Cancellations = w.arbiter
					w.deps.Cancellations = &tc.losing
				})
				id := w.buy(t)
				if tc.before != nil {
					tc.before(w)
				}
				_, err := w.shop.Cancel(t.Context(), id, buyer, 0)
				if ticketing.ErrorCode(err) != tc.want {
					t.Errorf("Cancel = %v, want %q", err, tc.want)
				}
				w.arbiter.SetEpoch("epoch-1")
				w.books(t, 0)
				background(t, w.relay.Run)
				if _, err := w.shop.Cancel(t.Context(), id, buyer, 0); err != nil {
					t.Errorf("again: %v", err)
				}
				time.Sleep(time.Minute)
				w.cancelledOnce(t, id)
			})
		})
	}
}

// The arbiter loses its data between the mark and the publish, and the broker takes
// nothing of the lost epoch any more: nothing may be promised.
func TestLostCancellationIsNotPromised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		id := w.buy(t)
		w.deps.Publisher = forgetful{w}
		w.renew(t)
		if _, err := w.shop.Cancel(t.Context(), id, buyer, wait); ticketing.ErrorCode(err) != ticketing.CodeOutcomeUnknown {
			t.Errorf("Cancel = %v, want OUTCOME_UNKNOWN", err)
		}
		if n := w.queued(t); n != 1 {
			t.Errorf("%d messages in the queue, want the order's own", n)
		}
	})
}

// A broker that has lost its data takes nothing until it is told again. Nothing is promised
// then, but the mark is on the arbiter's disk, and is published later.
func TestBrokerWithoutItsDataPromisesNoCancellation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		background(t, w.relay.Run)
		id := w.buy(t)
		w.broker.Forget()
		if got, err := w.shop.Cancel(t.Context(), id, buyer, wait); ticketing.ErrorCode(err) != ticketing.CodeOutcomeUnknown {
			t.Fatalf("Cancel = %+v, %v, want OUTCOME_UNKNOWN", got, err)
		}
		must(t, w.broker.Admit(t.Context(), "epoch-1"))
		w.books(t, 0)
		time.Sleep(12 * time.Second)
		w.cancelledOnce(t, id)
	})
}
