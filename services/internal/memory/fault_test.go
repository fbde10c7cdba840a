package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func anOrder() ticketing.Order {
	return storetest.NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "general"}, 1)
}

// TestFaults: a twin that is to fail did nothing; one that is to lose its replies did.
func TestFaults(t *testing.T) {
	t.Parallel()
	arbiter := memory.NewArbiter(time.Now, 10)
	arbiter.OpenSale("epoch-1", storetest.Catalog()...)
	reservation := checkout.Reservation{Order: anOrder(), Fingerprint: "f"}
	arbiter.Fail(checkout.ErrUnavailable)
	if _, err := arbiter.Reserve(t.Context(), reservation); !errors.Is(err, checkout.ErrUnavailable) {
		t.Errorf("failing: got %v", err)
	}
	arbiter.Fail(nil)
	if _, err := arbiter.Lookup(t.Context(), reservation.Order.ID); !errors.Is(err, checkout.ErrNotFound) {
		t.Errorf("a failed call left something: %v", err)
	}
	arbiter.LoseReplies(checkout.ErrOutcomeUnknown)
	if _, err := arbiter.Reserve(t.Context(), reservation); !errors.Is(err, checkout.ErrOutcomeUnknown) {
		t.Errorf("losing replies: got %v", err)
	}
	arbiter.LoseReplies(nil)
	if outcome, err := arbiter.Reserve(t.Context(), reservation); err != nil || outcome.Verdict != checkout.Known {
		t.Errorf("after a lost reply: verdict %d, %v; want Known", outcome.Verdict, err)
	}
}

// TestBrokerUnknownTag: RabbitMQ ends a channel over a tag that it does not know.
func TestBrokerUnknownTag(t *testing.T) {
	t.Parallel()
	broker := memory.NewBroker()
	session, err := broker.Consume(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.AckUpTo(7); err == nil {
		t.Error("acknowledged a delivery that never was")
	}
	if _, open := <-session.Deliveries(); open {
		t.Error("the session goes on")
	}
}

// TestAnnouncementsRun: until its context ends, and not beyond.
func TestAnnouncementsRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		arbiter := memory.NewArbiter(time.Now, 10)
		ctx, cancel := context.WithCancel(t.Context())
		told := 0
		done := make(chan error, 1)
		go func() {
			done <- arbiter.Announcements("node").Run(ctx, func(s []checkout.Settlement) { told += len(s) })
		}()
		synctest.Wait()
		order := anOrder()
		order.Node = "node"
		settlement := []fulfil.Settlement{{Order: order, State: ticketing.StateConfirmed}}
		if err := arbiter.Settle(t.Context(), settlement); err != nil || told != 1 {
			t.Errorf("told of %d orders, %v, want 1", told, err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := arbiter.Settle(t.Context(), settlement); err != nil || told != 1 {
			t.Errorf("after its end told of %d orders, %v", told, err)
		}
	})
}
