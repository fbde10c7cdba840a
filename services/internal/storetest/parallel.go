package storetest

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// RunCrowd checks the arbiter under a crowd. It leaves the processor to nobody else, so
// it should not run beside other tests.
func RunCrowd(t *testing.T, open OpenArbiter) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Arbiter){
		"5000 concurrent requests on 100 seats sell exactly 100": testHotEvent,
		"concurrent replays of one order reserve once":           testConcurrentReplays,
		"reservations are linearizable":                          testLinearizable,
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, roomyOutbox)
			OpenSale(t, a.Stock, epochOne, Catalog())
			test(t, a)
		})
	}
}

// testHotEvent: 5,000 requests at once on 100 seats, from three pods; exactly 100 are
// sold, everybody else is told so. A request that was surely not executed, or whose outcome is not
// known, is repeated with the same order, as a client does.
func testHotEvent(t *testing.T, a Arbiter) {
	t.Helper()
	const requests = 5000
	pods := []Pod{a.Pod, a.NewPod(), a.NewPod()}
	verdicts := make([]checkout.Verdict, requests)
	var group sync.WaitGroup
	for i := range requests {
		group.Go(func() { verdicts[i] = persist(t, pods[i%len(pods)], NewOrder(pit, 1)) })
	}
	group.Wait()
	count := map[checkout.Verdict]int{}
	for _, v := range verdicts {
		count[v]++
	}
	if sold := count[checkout.Reserved] + count[checkout.Known]; sold != capacityOf {
		t.Errorf("sold %d of %d seats", sold, capacityOf)
	}
	if count[checkout.SoldOut] != requests-capacityOf {
		t.Errorf("verdicts %v, want %d sold out", count, requests-capacityOf)
	}
	shelf := have[storefront.ShelfState](t)(a.Shelf.Shelf(t.Context()))
	if shelf.Stock[pit] != 0 || shelf.Outbox != capacityOf {
		t.Errorf("stock %d, outbox %d, want 0 and %d", shelf.Stock[pit], shelf.Outbox, capacityOf)
	}
}

func testConcurrentReplays(t *testing.T, a Arbiter) {
	t.Helper()
	order := NewOrder(general, 2)
	verdicts := make([]checkout.Verdict, 200)
	var group sync.WaitGroup
	for i := range verdicts {
		group.Go(func() { verdicts[i] = persist(t, a.Pod, order) })
	}
	group.Wait()
	reserved := 0
	for _, v := range verdicts {
		switch v {
		case checkout.Reserved:
			reserved++
		case checkout.Known:
		default:
			t.Errorf("got verdict %d", v)
		}
	}
	if reserved > 1 {
		t.Errorf("reserved %d times", reserved)
	}
	wantStock(t, a, general, capacityOf-2)
}

// persist repeats a reservation until the arbiter has answered, as clients do.
func persist(t *testing.T, pod Pod, order ticketing.Order) checkout.Verdict {
	t.Helper()
	var verdict checkout.Verdict
	repeat(t, func() error {
		outcome, err := pod.Reserve(t.Context(), reservation(order))
		verdict = outcome.Verdict
		return err
	})
	return verdict
}

// repeat takes a step that may be repeated until its store was not too busy for it.
func repeat(t *testing.T, step func() error) {
	t.Helper()
	for t.Context().Err() == nil {
		err := step()
		switch {
		case err == nil:
			return
		case !errors.Is(err, checkout.ErrUnavailable) && !errors.Is(err, checkout.ErrOutcomeUnknown) &&
			!errors.Is(err, fulfil.ErrUnavailable):
			t.Errorf("error of no known kind: %v", err)
			return
		}
		select { // thousands of clients that repeat at once would starve the store
		case <-t.Context().Done():
		case <-time.After(200*time.Millisecond + rand.N(400*time.Millisecond)): //nolint:gosec // jitter
		}
	}
}
