package checkout_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// otherPod returns a second pod of the same shop.
func (w *world) otherPod(t *testing.T) *checkout.Service {
	t.Helper()
	deps := w.deps
	deps.Node = "purchase-1"
	deps.Reservations = w.arbiter.NewPod()
	shop := checkout.New(deps)
	background(t, shop.Run)
	return shop
}

func TestReplay(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		// between happens after the first purchase, which nobody has consumed.
		between func(*testing.T, *world)
		again   func(*ticketing.Purchase)
		wait    time.Duration
		want    ticketing.State
		wantErr ticketing.Code
		took    time.Duration
		queued  int
	}{
		"accepted":          {reason: "it waits as the first did, and publishes nothing", wait: wait, want: ticketing.StateAccepted, took: wait, queued: 1},
		"accepted, no wait": {want: ticketing.StateAccepted, queued: 1},
		"committed meanwhile": {
			between: func(t *testing.T, w *world) { t.Helper(); w.consume(t, ticketing.StateConfirmed, 0); synctest.Wait() },
			wait:    wait, want: ticketing.StateConfirmed,
		},
		"committed within the replay's wait": {
			reason:  "the announcement goes to the other pod: a last look finds it",
			between: func(t *testing.T, w *world) { t.Helper(); w.consume(t, ticketing.StateConfirmed, 100*time.Millisecond) },
			wait:    wait, want: ticketing.StateConfirmed, took: wait,
		},
		"refused": {
			between: func(t *testing.T, w *world) { t.Helper(); w.consume(t, ticketing.StateRefused, 0); synctest.Wait() },
			wait:    wait, want: ticketing.StateRefused,
		},
		"another payload": {
			again: func(p *ticketing.Purchase) { p.Quantity = 1 },
			wait:  wait, wantErr: ticketing.CodeKeyReused, queued: 1,
		},
		"another name is another payload": {
			again: func(p *ticketing.Purchase) { p.Name = "Eda" },
			wait:  wait, wantErr: ticketing.CodeKeyReused, queued: 1,
		},
		"the default locale spelled out": {
			again: func(p *ticketing.Purchase) { p.Locale = "en" },
			want:  ticketing.StateAccepted, queued: 1,
		},
		"after the sale has closed": {
			reason:  "the key bought something: the buyer is told what",
			between: func(t *testing.T, w *world) { t.Helper(); w.close(t) },
			wait:    wait, want: ticketing.StateAccepted, took: wait, queued: 1,
		},
		"after the sale has closed, confirmed meanwhile": {
			between: func(t *testing.T, w *world) {
				t.Helper()
				w.close(t)
				w.consume(t, ticketing.StateConfirmed, 0)
				synctest.Wait()
			},
			wait: wait, want: ticketing.StateConfirmed,
		},
		"after the sale has closed, another payload": {
			between: func(t *testing.T, w *world) { t.Helper(); w.close(t) },
			again:   func(p *ticketing.Purchase) { p.Quantity = 1 },
			wantErr: ticketing.CodeKeyReused, queued: 1,
		},
		"after the sale has closed, another buyer": {
			between: func(t *testing.T, w *world) { t.Helper(); w.close(t) },
			again:   func(p *ticketing.Purchase) { p.Email = "eda@example.com" },
			wantErr: ticketing.CodeSaleClosed, queued: 1,
		},
		"after the sale has closed, arbiter away": {
			reason: "SALE_CLOSED would be final, and may be untrue",
			between: func(t *testing.T, w *world) {
				t.Helper()
				w.close(t)
				w.arbiter.Fail(checkout.ErrUnavailable)
			},
			wantErr: ticketing.CodeStoreUnavailable, queued: 1,
		},
		"after the buyer's limit was lowered": {
			reason: "what is held stays held",
			between: func(t *testing.T, w *world) {
				t.Helper()
				w.restock(t, func(e *ticketing.Event) { e.Tiers[0].MaxPerBuyer = 1 })
			},
			want: ticketing.StateAccepted, queued: 1,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, nil)
				first, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
				must(t, err)
				time.Sleep(time.Second) // it is ACCEPTED
				if tc.between != nil {
					tc.between(t, w)
				}
				p := purchase()
				if tc.again != nil {
					tc.again(&p)
				}
				start := time.Now()
				got, err := w.otherPod(t).Buy(t.Context(), p, "key", tc.wait)
				if ticketing.ErrorCode(err) != tc.wantErr || got.State != tc.want || time.Since(start) != tc.took {
					t.Errorf("%s: replay = %s, %v after %s; want %s, %q after %s",
						tc.reason, got.State, err, time.Since(start), tc.want, tc.wantErr, tc.took)
				}
				if err == nil && got.Order.ID != first.Order.ID {
					t.Errorf("replay has order %s, the first %s", got.Order.ID, first.Order.ID)
				}
				w.arbiter.Fail(nil)
				if w.left(t) != 8 || w.queued(t) != tc.queued {
					t.Errorf("%d seats left, %d queued; want 8, %d", w.left(t), w.queued(t), tc.queued)
				}
			})
		})
	}
}

func TestConcurrentReplaysHearTheSameAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.consume(t, ticketing.StateConfirmed, 50*time.Millisecond)
		var buyers sync.WaitGroup
		for range 20 {
			buyers.Go(func() {
				got, err := w.shop.Buy(t.Context(), purchase(), "key", 10*time.Second)
				if err != nil || got.State != ticketing.StateConfirmed {
					t.Errorf("Buy = %s, %v", got.State, err)
				}
			})
		}
		buyers.Wait()
		if left := w.left(t); left != 8 {
			t.Errorf("%d seats are left: one key bought more than once", left)
		}
	})
}

func TestReplayPublishesAPendingOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.broker.Fail(checkout.ErrUnavailable)
		first, err := w.shop.Buy(t.Context(), purchase(), "key", wait)
		must(t, err)
		w.broker.Fail(nil)
		w.consume(t, ticketing.StateConfirmed, 10*time.Millisecond)
		got, err := w.shop.Buy(t.Context(), purchase(), "key", wait)
		if err != nil || got.State != ticketing.StateConfirmed || got.Order.ID != first.Order.ID {
			t.Errorf("replay = %s %s, %v; want %s CONFIRMED", got.Order.ID, got.State, err, first.Order.ID)
		}
		if w.left(t) != 8 || w.waitingInOutbox(t) != 0 {
			t.Errorf("%d seats left, %d in the outbox", w.left(t), w.waitingInOutbox(t))
		}
	})
}

func TestUnknownOutcomeIsFoundOutByRetrying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.arbiter.LoseReplies(errors.Join(checkout.ErrOutcomeUnknown, errReset))
		lost, err := w.shop.Buy(t.Context(), purchase(), "key", wait)
		if ticketing.ErrorCode(err) != ticketing.CodeOutcomeUnknown || lost.Order.ID == "" {
			t.Fatalf("Buy = %v, %v", lost.Order.ID, err)
		}
		w.arbiter.LoseReplies(nil)
		got, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
		if err != nil || got.State != ticketing.StateAccepted || got.Order.ID != lost.Order.ID || w.left(t) != 8 {
			t.Errorf("retry = %s %s, %v with %d left; want %s ACCEPTED with 8", got.Order.ID, got.State, err, w.left(t), lost.Order.ID)
		}
	})
}

func TestOrder(t *testing.T) {
	t.Parallel()
	away := checkout.ErrUnavailable
	cases := map[string]struct {
		reason              string
		inArbiter, inLedger bool
		arbiter, ledger     error
		want                ticketing.State
		wantErr             ticketing.Code
	}{
		"live":                            {inArbiter: true, want: ticketing.StateAccepted},
		"live, ledger away":               {inArbiter: true, ledger: away, want: ticketing.StateAccepted},
		"long settled":                    {inLedger: true, want: ticketing.StateConfirmed},
		"settled, arbiter away":           {inLedger: true, arbiter: away, want: ticketing.StateConfirmed},
		"nowhere":                         {wantErr: ticketing.CodeUnknownOrder},
		"not in the arbiter, ledger away": {reason: "the ledger may have it", ledger: away, wantErr: ticketing.CodeStoreUnavailable},
		"not in the ledger, arbiter away": {reason: "it may be in flight", arbiter: away, wantErr: ticketing.CodeStoreUnavailable},
		"both away":                       {arbiter: away, ledger: away, wantErr: ticketing.CodeStoreUnavailable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, nil)
				id, err := w.deps.Identity.OrderID("ada@example.com", "key")
				must(t, err)
				if tc.inArbiter {
					_, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
					must(t, err)
					time.Sleep(time.Second)
				}
				if tc.inLedger {
					must(t, w.ledger.SaveCatalog(t.Context(), []ticketing.Event{w.front.event}))
					_, err := w.ledger.Commit(t.Context(), []ticketing.Order{{ID: id, EventID: "aurora", TierID: "general", Quantity: 1}})
					must(t, err)
				}
				w.arbiter.Fail(tc.arbiter)
				w.ledger.Fail(tc.ledger)
				got, err := w.shop.Order(t.Context(), id)
				if got.State != tc.want || ticketing.ErrorCode(err) != tc.wantErr {
					t.Errorf("%s: Order = %s, %v; want %s, %q", tc.reason, got.State, err, tc.want, tc.wantErr)
				}
			})
		})
	}
}

// stuck is a ledger that never answers.
type stuck struct{}

func (stuck) Lookup(ctx context.Context, _ ticketing.OrderID) (checkout.Record, error) {
	<-ctx.Done()
	return checkout.Record{}, ctx.Err()
}

func TestOrderDoesNotWaitForAStuckLedger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, func(w *world) { w.deps.Ledger = stuck{} })
		start := time.Now()
		_, err := w.shop.Order(t.Context(), "0198c5f0-0000-8000-8000-000000000001")
		if ticketing.ErrorCode(err) != ticketing.CodeStoreUnavailable || time.Since(start) > time.Second {
			t.Errorf("Order = %v after %s", err, time.Since(start))
		}
	})
}

func TestSettleForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		must(t, w.arbiter.Settle(t.Context(), []fulfil.Settlement{{Order: ticketing.Order{ID: "x", Node: node}, State: ticketing.StateConfirmed}}))
		w.shop.Settle([]checkout.Settlement{{ID: "y", State: ticketing.StateConfirmed}})
		if fields := w.shop.Check(purchase()); fields != nil {
			t.Errorf("Check = %v for a good purchase", fields)
		}
		bad := purchase()
		bad.Quantity, bad.Email = 11, "ada"
		if fields := w.shop.Check(bad); len(fields) != 2 {
			t.Errorf("Check = %v, want both wrong fields", fields)
		}
	})
}
