package redisstore_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// TestCancelAnswers: whatever the script answers is a verdict, and what is none may stand
// for a step that was taken.
func TestCancelAnswers(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]struct {
		verdict checkout.CancelVerdict
		err     error
	}{
		"WAITING":     {verdict: checkout.CancelWaiting},
		"SENT":        {verdict: checkout.CancelSent},
		"CANCELLED":   {verdict: checkout.CancelSettled},
		"REFUSED":     {verdict: checkout.CancelRefused},
		"NOT_KNOWN":   {verdict: checkout.CancelNotKnown},
		"SALE_PAUSED": {verdict: checkout.CancelPaused},
		"OUTBOX_FULL": {verdict: checkout.CancelOutboxFull},
		"PENDING":     {err: checkout.ErrOutcomeUnknown},
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			server := newFakeServer(t, func(*fakeServer, []string) (string, bool) {
				return fmt.Sprintf("*1\r\n$%d\r\n%s\r\n", len(word), word), true
			})
			reservations := redisstore.NewReservations(fakeClient(t, server.url()), redisstore.Options{OutboxLimit: 1})
			verdict, err := reservations.Cancel(t.Context(), checkout.Cancellation{Order: anOrder()})
			if verdict != want.verdict || !errors.Is(err, want.err) {
				t.Errorf("got %d, %v; want %d, %v", verdict, err, want.verdict, want.err)
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
