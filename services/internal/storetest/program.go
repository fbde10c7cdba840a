package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// ProgramOutbox is the outbox limit of arbiters that programs run on: small, so that
	// programs meet it.
	ProgramOutbox = 5
	programOrders = 7
	programPods   = 3
	// stepBytes is how many bytes of a program are one step: an operation and its two operands.
	stepBytes = 3
	// MaxSteps bounds a program; what is beyond it is not run.
	MaxSteps = 60
)

// Program is a sequence of operations on an arbiter, written in bytes, so that a fuzzer
// can write it: each step is an operation and two operands. Every sequence of bytes is a program.
type Program []byte

// RandomProgram returns the program that belongs to the seed.
func RandomProgram(seed uint64) Program {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // chosen, not secret
	p := make(Program, stepBytes*(5+random.IntN(MaxSteps-4)))
	for i := range p {
		p[i] = byte(random.UintN(256))
	}
	// A program that never opens the sale is refused everything.
	return append(Program{byte(slices.IndexFunc(operations, func(o operation) bool { return o.name == "begin" })), 0, 0}, p...)
}

// step is one decoded step of a program.
type step struct {
	operation
	a, b byte
}

func (s step) String() string { return fmt.Sprintf("%s(%d, %d)", s.name, s.a, s.b) }

func (p Program) steps() []step {
	var steps []step
	for chunk := range slices.Chunk(p[:min(len(p), stepBytes*MaxSteps)], stepBytes) {
		if len(chunk) == stepBytes {
			steps = append(steps, step{operations[int(chunk[0])%len(operations)], chunk[1], chunk[2]})
		}
	}
	return steps
}

// String lists the steps by name.
func (p Program) String() string {
	lines := make([]string, 0, len(p)/stepBytes)
	for i, s := range p.steps() {
		lines = append(lines, fmt.Sprintf("%2d %s", i, s))
	}
	return strings.Join(lines, "\n")
}

// Agree runs the program on two arbiters and fails the test where an answer, or what they
// hold after any step, is not the same. It shows the shortest part of the program that it
// can find over which they still disagree. What the arbiters held before is forgotten.
func Agree(t *testing.T, p Program, one, other Arbiter) {
	t.Helper()
	if disagreement(t, p, one, other) == "" {
		return
	}
	p = shrink(p, func(shorter Program) bool { return disagreement(t, shorter, one, other) != "" })
	t.Errorf("program %q makes a difference:\n%s\n%s", string(p), p, disagreement(t, p, one, other))
}

// shrink leaves out steps for as long as what is left still fails.
func shrink(p Program, fails func(Program) bool) Program {
	for size := len(p) / 2 / stepBytes * stepBytes; size >= stepBytes; size = size / 2 / stepBytes * stepBytes {
		for at := 0; at+size <= len(p); {
			shorter := slices.Concat(p[:at], p[at+size:])
			if fails(shorter) {
				p = shorter
			} else {
				at += size
			}
		}
	}
	return p
}

// disagreement runs the program on both and says where they first differ, or "".
func disagreement(t *testing.T, p Program, a, b Arbiter) string {
	t.Helper()
	orders := programmed()
	one, other := newPlayer(t, a, orders), newPlayer(t, b, orders)
	for i, s := range p.steps() {
		if diff := cmp.Diff(one.play(t, s), other.play(t, s)); diff != "" {
			return fmt.Sprintf("step %d, %s (-one +other):\n%s", i, s, diff)
		}
	}
	if diff := cmp.Diff(one.held(t), other.held(t)); diff != "" {
		return fmt.Sprintf("what is held at the end (-one +other):\n%s", diff)
	}
	return ""
}

// programmed makes the orders that programs are about: of one buyer, in all tiers and
// several sizes. Their ids are in no order.
func programmed() []ticketing.Order {
	tiers := []ticketing.TierKey{general, balcony, pit, {EventID: "aurora", TierID: "nowhere"}}
	orders := make([]ticketing.Order, programOrders)
	for i := range orders {
		orders[i] = NewOrder(tiers[i%len(tiers)], 1+i%5)
	}
	return orders
}

// player runs programs on one arbiter.
type player struct {
	Arbiter
	pods   []Pod
	orders []ticketing.Order
}

// newPlayer begins with an arbiter that has lost everything, and with new pods.
func newPlayer(t *testing.T, a Arbiter, orders []ticketing.Order) *player {
	t.Helper()
	a.Forget(t)
	p := &player{Arbiter: a, orders: orders, pods: make([]Pod, programPods)}
	for i := range p.pods {
		p.pods[i] = a.NewPod()
	}
	return p
}

func (p *player) pod(n byte) Pod               { return p.pods[int(n)%len(p.pods)] }
func (p *player) order(n byte) ticketing.Order { return p.orders[int(n)%len(p.orders)] }

// seen is what a step has led to, as far as anybody can see it.
type seen struct {
	Answer  any
	Shelf   storefront.ShelfState
	Pending []report.Pending
}

func (p *player) play(t *testing.T, s step) seen {
	t.Helper()
	// No two orders of the outbox have the same age, unless one claim has made it so.
	p.Elapse(t, programTick)
	result := seen{Answer: s.run(t, p, s.a, s.b)}
	result.Shelf = have[storefront.ShelfState](t)(p.Shelf.Shelf(t.Context()))
	if result.Shelf.CatalogAt.IsZero() != (result.Shelf.Events == nil) {
		t.Errorf("a catalog of %d events is from %s", len(result.Shelf.Events), result.Shelf.CatalogAt)
	}
	result.Shelf.CatalogAt = time.Time{} // each arbiter has a clock of its own
	result.Pending = have[[]report.Pending](t)(p.Backlog.Pending(t.Context()))
	return result
}

// held is what the arbiter holds at the end: each order, and the outbox, oldest first.
type held struct {
	Records []outcome
	Outbox  []ticketing.OrderID
}

func (p *player) held(t *testing.T) held {
	t.Helper()
	var all held
	for _, o := range p.orders {
		record, err := p.Lookup(t.Context(), o.ID)
		all.Records = append(all.Records, outcome{checkout.Outcome{Record: record}, kindOf(err)})
	}
	p.Elapse(t, 2*programAge)
	all.Outbox = ids(have[[]ticketing.Order](t)(p.Claim(t.Context(), programAge, programOrders))...)
	return all
}
