package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// errReset is a fault that says nothing about what was done.
var errReset = errors.New("connection reset")

func TestBuyAnswersWhatIsTrue(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason  string
		prepare func(*testing.T, *world)
		change  func(*world)
		wait    time.Duration
		want    ticketing.State
		took    time.Duration
		// queued and outbox are what the broker and the arbiter still have afterwards.
		queued, outbox int
	}{
		"confirmed within the wait": {
			prepare: func(t *testing.T, w *world) { t.Helper(); w.consume(t, ticketing.StateConfirmed, 20*time.Millisecond) },
			wait:    wait, want: ticketing.StateConfirmed, took: 20 * time.Millisecond,
		},
		"committed after the wait": {
			reason:  "202: the broker has it",
			prepare: func(t *testing.T, w *world) { t.Helper(); w.consume(t, ticketing.StateConfirmed, time.Second) },
			wait:    wait, want: ticketing.StateAccepted, took: wait,
		},
		"nobody consumes": {wait: wait, want: ticketing.StateAccepted, took: wait, queued: 1},
		"a long wait": {
			prepare: func(t *testing.T, w *world) { t.Helper(); w.consume(t, ticketing.StateConfirmed, 3*time.Second) },
			wait:    10 * time.Second, want: ticketing.StateConfirmed, took: 3 * time.Second,
		},
		"respond-async": {
			reason: "who does not want to wait does not",
			wait:   0, want: ticketing.StateAccepted, queued: 1,
		},
		"consumer paused": {
			reason:  "while no commit can come nobody waits for one",
			prepare: func(_ *testing.T, w *world) { w.front.paused.Store(true) },
			wait:    wait, want: ticketing.StateAccepted, queued: 1,
		},
		"refused by the ledger": {
			reason:  "the arbiter was wrong: the buyer is told at once",
			prepare: func(t *testing.T, w *world) { t.Helper(); w.consume(t, ticketing.StateRefused, 0) },
			wait:    wait, want: ticketing.StateRefused,
		},
		"broker away": {
			reason:  "the outbox has it: 202, and nobody waits for the relay",
			prepare: func(_ *testing.T, w *world) { w.broker.Fail(checkout.ErrUnavailable) },
			wait:    wait, want: ticketing.StatePending, outbox: 1,
		},
		"confirm lost": {
			reason:  "the broker has it, nobody knows: the seat stays held and the outbox keeps it",
			prepare: func(_ *testing.T, w *world) { w.broker.LoseReplies(errReset) },
			wait:    wait, want: ticketing.StatePending, outbox: 1, queued: 1,
		},
		"broker hangs": {
			reason: "the budget ends the publish",
			change: func(w *world) { w.deps.Publisher = hanging{} },
			wait:   wait, want: ticketing.StatePending, took: checkout.DefaultPublishBudget, outbox: 1,
		},
		"too many wait already": {
			reason: "beyond the bound a purchase is answered without a wait",
			change: func(w *world) { w.deps.MaxWaiting = -1 },
			wait:   wait, want: ticketing.StateAccepted, queued: 1,
		},
		"acceptance cannot be told": {
			reason: "it stays in the outbox, for the relay",
			change: func(w *world) { w.deps.Reservations = &noAccept{w.arbiter} },
			wait:   0, want: ticketing.StateAccepted, outbox: 1, queued: 1,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, tc.change)
				if tc.prepare != nil {
					tc.prepare(t, w)
				}
				start := time.Now()
				got, err := w.shop.Buy(t.Context(), purchase(), "key", tc.wait)
				took := time.Since(start)
				if err != nil || got.State != tc.want || took != tc.took {
					t.Errorf("%s: Buy = %s, %v after %s; want %s after %s", tc.reason, got.State, err, took, tc.want, tc.took)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if left := w.left(t); left != 8 {
					t.Errorf("%d seats are left, want 8", left)
				}
				w.broker.Fail(nil)
				if diff := cmp.Diff([]int{tc.queued, tc.outbox}, []int{w.queued(t), w.waitingInOutbox(t)}); diff != "" {
					t.Errorf("%s: queued, in the outbox (-want +got):\n%s", tc.reason, diff)
				}
			})
		})
	}
}

// noAccept is an arbiter that cannot be told that the broker has an order.
type noAccept struct{ checkout.Reservations }

func (*noAccept) Accept(context.Context, ...ticketing.OrderID) error { return checkout.ErrUnavailable }

func TestBuyMakesTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		got, err := w.shop.Buy(t.Context(), purchase(), "key", 0)
		must(t, err)
		id, err := w.deps.Identity.OrderID("ada@example.com", "key")
		must(t, err)
		want := ticketing.Order{
			ID: id, EventID: "aurora", TierID: "general", Quantity: 2,
			Buyer:    ticketing.Buyer{Email: "ada@example.com", Name: "Ada", Locale: "en"},
			Total:    ticketing.Money{Amount: 9000, Currency: "EUR"},
			Price:    ticketing.Price{Subtotal: 9000, Total: 9000, Currency: "EUR"},
			PlacedAt: time.Now().UTC(), Node: node, Epoch: "epoch-1",
		}
		if diff := cmp.Diff(want, got.Order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestBuyRefuses(t *testing.T) {
	t.Parallel()
	unknown := fmt.Errorf("read the reply: %w: %w", checkout.ErrOutcomeUnknown, errReset)
	cases := map[string]struct {
		reason string
		change func(*world)
		buy    func(*ticketing.Purchase)
		want   ticketing.Code
		// named: the answer names the order, which may exist.
		named bool
		left  int
	}{
		"invalid":       {buy: func(p *ticketing.Purchase) { p.Email = "" }, want: ticketing.CodeInvalid, left: 10},
		"unknown event": {buy: func(p *ticketing.Purchase) { p.EventID = "borealis" }, want: ticketing.CodeUnknownEvent, left: 10},
		"unknown tier":  {buy: func(p *ticketing.Purchase) { p.TierID = "vip" }, want: ticketing.CodeUnknownTier, left: 10},
		"nothing is known yet": {
			reason: "a pod that started with every store down does not say that an event does not exist",
			change: func(w *world) { w.front.loaded = false }, want: ticketing.CodeStoreUnavailable, left: 10,
		},
		"settings are wrong": {
			change: func(w *world) { w.front.closing = &ticketing.Error{Code: ticketing.CodeSalePaused} },
			want:   ticketing.CodeSalePaused, left: 10,
		},
		"arbiter away": {
			change: func(w *world) { w.arbiter.Fail(checkout.ErrUnavailable) }, want: ticketing.CodeStoreUnavailable, named: true, left: 10,
		},
		"reply lost": {
			reason: "the seats may be held, so nothing is said about them, and nothing is given back",
			change: func(w *world) { w.arbiter.LoseReplies(unknown) }, want: ticketing.CodeOutcomeUnknown, named: true, left: 8,
		},
		"sold out": {change: func(w *world) { restock(w, 1) }, want: ticketing.CodeSoldOut, left: 1},
		"never put on sale": {
			change: func(w *world) { w.front.event.Tiers[0].ID = "balcony" },
			buy:    func(p *ticketing.Purchase) { p.TierID = "" }, want: ticketing.CodeSalePaused, left: 10,
		},
		"outbox full": {change: func(w *world) {
			w.arbiter = memory.NewArbiter(time.Now, 0)
			w.deps.Reservations = w.arbiter
			w.arbiter.OpenSale("epoch-1", aurora(10))
		}, want: ticketing.CodeOverloaded, left: 10},
		"data lost": {
			reason: "an arbiter without an epoch sells nothing",
			change: func(w *world) { w.arbiter.Forget() }, want: ticketing.CodeSalePaused, left: 0,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, tc.change)
				p := purchase()
				if tc.buy != nil {
					tc.buy(&p)
				}
				got, err := w.shop.Buy(t.Context(), p, "key", wait)
				if code := ticketing.ErrorCode(err); code != tc.want {
					t.Fatalf("%s: Buy = %v, want %s", tc.reason, err, tc.want)
				}
				if named := got.Order.ID != ""; named != tc.named {
					t.Errorf("%s: order %q", tc.reason, got.Order.ID)
				}
				w.arbiter.Fail(nil)
				w.arbiter.LoseReplies(nil)
				if left := w.left(t); left != tc.left {
					t.Errorf("%s: %d seats are left, want %d", tc.reason, left, tc.left)
				}
			})
		})
	}
}

func restock(w *world, seats int) {
	w.front.event = aurora(seats)
	_ = w.arbiter.Stock(context.Background(), []ticketing.Event{w.front.event})
}

func TestBuyReportsWhatItHasNoNameFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, func(w *world) { w.arbiter.Fail(errReset) })
		_, err := w.shop.Buy(t.Context(), purchase(), "key", wait)
		if !errors.Is(err, errReset) || ticketing.ErrorCode(err) != "" {
			t.Errorf("Buy = %v, want an internal error", err)
		}
	})
}

func TestBuyLearnsTheEpochOnce(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		epoch string
		want  ticketing.Code
	}{
		"a new epoch": {"epoch-2", ""},
		"no epoch":    {"", ticketing.CodeSalePaused},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var counter *counting
				w := setup(t, func(w *world) {
					counter = &counting{Reservations: w.arbiter}
					w.deps.Reservations = counter
				})
				_, err := w.shop.Buy(t.Context(), purchase(), "first", 0)
				must(t, err)
				w.arbiter.Forget()
				if tc.epoch != "" {
					w.arbiter.OpenSale(tc.epoch, w.front.event)
					must(t, w.broker.Admit(t.Context(), tc.epoch))
				}
				counter.reserve.Store(0)
				_, err = w.shop.Buy(t.Context(), purchase(), "second", 0)
				if code := ticketing.ErrorCode(err); code != tc.want {
					t.Errorf("Buy = %v, want %q", err, tc.want)
				}
				if n := counter.reserve.Load(); n != 2 {
					t.Errorf("the arbiter was asked %d times, want 2", n)
				}
			})
		})
	}
}

func TestBuyGoesOnWithoutTheBuyer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		ctx, leave := context.WithCancel(t.Context())
		leave()
		got, err := w.shop.Buy(ctx, purchase(), "key", wait)
		if err != nil || got.State != ticketing.StateAccepted || w.queued(t) != 1 {
			t.Errorf("Buy = %s, %v with %d queued: a step that has begun is finished", got.State, err, w.queued(t))
		}
	})
}

func TestParallelPurchasesDoNotOversell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, func(w *world) { restock(w, 100) })
		w.consume(t, ticketing.StateConfirmed, 0)
		var sold, refused atomic.Int64
		var buyers sync.WaitGroup
		for i := range 1000 {
			buyers.Go(func() {
				p := purchase()
				p.Quantity = 1
				_, err := w.shop.Buy(t.Context(), p, checkout.Key(fmt.Sprint("key-", i)), wait)
				switch ticketing.ErrorCode(err) {
				case ticketing.CodeSoldOut:
					refused.Add(1)
				default:
					must(t, err)
					sold.Add(1)
				}
			})
		}
		buyers.Wait()
		if sold.Load() != 100 || refused.Load() != 900 || w.left(t) != 0 {
			t.Errorf("%d sold, %d refused, %d left; want 100, 900, 0", sold.Load(), refused.Load(), w.left(t))
		}
	})
}

func TestStoppingTellsTheArbiterWhatIsPublished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		shop := checkout.New(w.deps) // not running: its queue fills
		for i := range 10 {
			p := purchase()
			p.Quantity = 1
			_, err := shop.Buy(t.Context(), p, checkout.Key(strconv.Itoa(i)), 0)
			must(t, err)
		}
		if n := w.waitingInOutbox(t); n != 10 {
			t.Fatalf("%d orders in the outbox, want 10", n)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		must(t, shop.Run(ctx))
		if n := w.waitingInOutbox(t); n != 0 {
			t.Errorf("%d orders are left in the outbox after the stop", n)
		}
	})
}

func TestSettledOrdersAreNotAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var counter *counting
		w := setup(t, func(w *world) {
			counter = &counting{Reservations: w.arbiter}
			w.deps.Reservations = counter
		})
		w.consume(t, ticketing.StateConfirmed, 0)
		_, err := w.shop.Buy(t.Context(), purchase(), "key", wait)
		must(t, err)
		time.Sleep(time.Second)
		if n := counter.accept.Load(); n != 0 || w.waitingInOutbox(t) != 0 {
			t.Errorf("the arbiter was told %d times what it knew", n)
		}
	})
}

func TestMetricsTellHowPurchasesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.consume(t, ticketing.StateRefused, 0)
		_, err := w.shop.Buy(t.Context(), purchase(), "key", wait)
		must(t, err)
		_, _ = w.shop.Buy(t.Context(), ticketing.Purchase{}, "", wait)
		w.arbiter.Fail(errReset)
		_, _ = w.shop.Buy(t.Context(), purchase(), "other", wait)
		want := strings.NewReader(`
# HELP eventflow_purchase_purchases_total Purchases by how they ended: the order's state, or the code of the refusal.
# TYPE eventflow_purchase_purchases_total counter
eventflow_purchase_purchases_total{result="internal"} 1
eventflow_purchase_purchases_total{result="invalid"} 1
eventflow_purchase_purchases_total{result="refused"} 1
# HELP eventflow_purchase_published_total Orders and cancellations handed to the broker at once, by result; all but confirmed are left to the relay.
# TYPE eventflow_purchase_published_total counter
eventflow_purchase_published_total{result="confirmed"} 1
# HELP eventflow_purchase_refused_by_ledger_total Orders that the ledger had no room for after the arbiter had. Always 0: anything else is an alarm.
# TYPE eventflow_purchase_refused_by_ledger_total counter
eventflow_purchase_refused_by_ledger_total 1
`)
		err = testutil.GatherAndCompare(w.registry, want, "eventflow_purchase_purchases_total",
			"eventflow_purchase_published_total", "eventflow_purchase_refused_by_ledger_total")
		must(t, err)
		if problems, err := testutil.GatherAndLint(w.registry); err != nil || len(problems) > 0 {
			t.Errorf("metrics: %v %v", problems, err)
		}
	})
}
