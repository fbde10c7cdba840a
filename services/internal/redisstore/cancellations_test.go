package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// TestCancelAnswers: whatever the script answers is a verdict, and what is none may stand
// for a step that was taken.
func TestCancelAnswers(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]struct {
		outcome checkout.CancelOutcome
		err     error
	}{
		"WAITING e1":  {outcome: checkout.CancelOutcome{Verdict: checkout.CancelWaiting, Epoch: "e1"}},
		"SENT":        {outcome: checkout.CancelOutcome{Verdict: checkout.CancelSent}},
		"CANCELLED":   {outcome: checkout.CancelOutcome{Verdict: checkout.CancelSettled}},
		"REFUSED":     {outcome: checkout.CancelOutcome{Verdict: checkout.CancelRefused}},
		"NOT_KNOWN":   {outcome: checkout.CancelOutcome{Verdict: checkout.CancelNotKnown}},
		"SALE_PAUSED": {outcome: checkout.CancelOutcome{Verdict: checkout.CancelPaused}},
		"OUTBOX_FULL": {outcome: checkout.CancelOutcome{Verdict: checkout.CancelOutboxFull}},
		"WAITING":     {err: checkout.ErrOutcomeUnknown},
		"PENDING":     {err: checkout.ErrOutcomeUnknown},
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			words := strings.Fields(answer)
			var reply strings.Builder
			fmt.Fprintf(&reply, "*%d\r\n", len(words))
			for _, word := range words {
				fmt.Fprintf(&reply, "$%d\r\n%s\r\n", len(word), word)
			}
			server := newFakeServer(t, func(*fakeServer, []string) (string, bool) { return reply.String(), true })
			reservations := redisstore.NewReservations(fakeClient(t, server.url()), redisstore.Options{OutboxLimit: 1})
			outcome, err := reservations.Cancel(t.Context(), checkout.Cancellation{Order: anOrder()})
			if outcome != want.outcome || !errors.Is(err, want.err) {
				t.Errorf("got %+v, %v; want %+v, %v", outcome, err, want.outcome, want.err)
			}
		})
	}
}

// TestCancelNeverWritten: a Redis that cannot be reached has cancelled nothing.
func TestCancelNeverWritten(t *testing.T) {
	t.Parallel()
	refusing := listenLocally(t)
	_ = refusing.Close()
	reservations := redisstore.NewReservations(fakeClient(t, "redis://"+refusing.Addr().String()), redisstore.Options{})
	if _, err := reservations.Cancel(t.Context(), checkout.Cancellation{Order: anOrder()}); !errors.Is(err, checkout.ErrUnavailable) {
		t.Errorf("cancel: got %v, want ErrUnavailable", err)
	}
	if _, err := reservations.Epoch(t.Context()); !errors.Is(err, checkout.ErrUnavailable) {
		t.Errorf("epoch: got %v, want ErrUnavailable", err)
	}
}
