package storetest

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// rivals and their requests are few enough for the check, whose cost grows steeply
	// with how many overlap.
	rivals       = 8
	requestsEach = 40
	rivalOrders  = 60
	linearizes   = 30 * time.Second
)

// request is one Reserve of one of rivalOrders orders.
type request struct {
	order    int
	quantity int
}

// answer is how it ended: a verdict, or an error that leaves it open.
type answer struct {
	verdict checkout.Verdict
	unknown bool
}

// pool is a tier's state: the seats left, and the set of orders that have some.
type pool struct {
	left   int
	orders uint64
}

// arbiterModel is what a Reservations must look like to its callers: each call happens
// at one moment between its beginning and its end. A call whose outcome is not known may
// have happened or not.
func arbiterModel() porcupine.Model {
	return (&porcupine.NondeterministicModel{
		Init: func() []any { return []any{pool{left: capacityOf}} },
		Step: func(state, input, output any) []any {
			s, in, out := state.(pool), input.(request), output.(answer)
			has := s.orders&(1<<in.order) != 0
			taken := pool{left: s.left - in.quantity, orders: s.orders | 1<<in.order}
			fits := !has && s.left >= in.quantity
			switch {
			case out.unknown && fits:
				return []any{s, taken}
			case out.unknown,
				out.verdict == checkout.Known && has,
				out.verdict == checkout.SoldOut && !has && !fits:
				return []any{s}
			case out.verdict == checkout.Reserved && fits:
				return []any{taken}
			default:
				return nil
			}
		},
		Equal: func(a, b any) bool { return a == b },
	}).ToModel()
}

// testLinearizable sets rivals on one tier, who ask for the same orders again and again,
// and has porcupine look for an order of events that explains every answer.
func testLinearizable(t *testing.T, a Arbiter) {
	t.Helper()
	orders := make([]ticketing.Order, rivalOrders)
	for i := range orders {
		orders[i] = NewOrder(pit, 1+i%4)
	}
	pods := []Pod{a.Pod, a.NewPod(), a.NewPod()}
	start := time.Now() //nolint:forbidigo // the order of real events is what is checked
	var mu sync.Mutex
	var history []porcupine.Operation
	var group sync.WaitGroup
	for client := range rivals {
		random := rand.New(rand.NewPCG(uint64(client), 1)) //nolint:gosec // chosen, not secret
		group.Go(func() {
			for range requestsEach {
				i := random.IntN(len(orders))
				operation := porcupine.Operation{ClientId: client, Input: request{i, orders[i].Quantity}, Call: time.Since(start).Nanoseconds()}
				outcome, err := pods[client%len(pods)].Reserve(t.Context(), reservation(orders[i]))
				operation.Return = time.Since(start).Nanoseconds()
				operation.Output = answer{verdict: outcome.Verdict}
				switch {
				case errors.Is(err, checkout.ErrUnavailable):
					continue // surely nothing happened
				case err != nil:
					operation.Output = answer{unknown: true}
					operation.Return = math.MaxInt64 // it may still happen
				}
				mu.Lock()
				history = append(history, operation)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(history) < rivals*requestsEach/2 {
		t.Fatalf("only %d of %d requests were answered: the history proves nothing", len(history), rivals*requestsEach)
	}
	if result := porcupine.CheckOperationsTimeout(arbiterModel(), history, linearizes); result != porcupine.Ok {
		t.Errorf("the history of %d operations is %s linearizable", len(history), map[porcupine.CheckResult]string{
			porcupine.Illegal: "not", porcupine.Unknown: "not shown to be",
		}[result])
	}
}
