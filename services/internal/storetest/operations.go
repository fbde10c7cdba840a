package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Ages of orders in the outbox, so far apart that the time that a program itself takes
// on a real store makes no difference.
const (
	programTick = time.Second
	programAge  = time.Hour
	programWait = 40 * time.Minute
)

// operation is one thing that a program can do. It returns the answer to compare.
type operation struct {
	name string
	run  func(t *testing.T, p *player, a, b byte) any
}

// operations are all of them; a new one goes to the end, so that programs that were kept
// go on meaning the same, as far as they can.
var operations = []operation{
	{"reserve", opReserve},
	{"reserve", opReserve}, // most of the time
	{"reserve", opReserve},
	{"reuse the key", opReuse},
	{"accept", opAccept},
	{"settle", opSettle},
	{"settle", opSettle},
	{"settle", opSettle},
	{"settle", opSettle},
	{"claim", opClaim},
	{"wait", opWait},
	{"begin", opBegin},
	{"stock", opStock},
	{"open", opOpen},
	{"change the epoch", opEpoch},
	{"replace a pod", opReplacePod},
	{"pause", opPause},
	{"forget", opForget},
	{"restore", opRestore},
	{"remind", opRemind},
	{"cancel", opCancel},
	{"cancel", opCancel},
	{"accept a cancellation", opAcceptCancel},
}

// outcome is a verdict or an error, and the record that comes with it.
type outcome struct {
	Outcome checkout.Outcome
	Error   string
}

func opReserve(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	got, err := p.pod(b).Reserve(t.Context(), reservation(p.order(a)))
	return outcome{got, kindOf(err)}
}

func opReuse(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	got, err := p.pod(b).Reserve(t.Context(), checkout.Reservation{Order: p.order(a), Fingerprint: "another"})
	return outcome{got, kindOf(err)}
}

// opAccept accepts two orders, which may be the same one.
func opAccept(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	return kindOf(p.pod(a).Accept(t.Context(), p.order(a).ID, p.order(b).ID))
}

// opSettle settles two orders, which may be the same one, each one way or the other, and
// sometimes in a way that is none.
func opSettle(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	states := []ticketing.State{
		ticketing.StateConfirmed, ticketing.StateConfirmed, ticketing.StateRefused, ticketing.StateCancelled, ticketing.StateAccepted,
	}
	return kindOf(p.Ledger.Settle(t.Context(), []fulfil.Settlement{
		{Order: p.order(a), State: states[a/52]}, {Order: p.order(b), State: states[b/52]},
	}))
}

func opClaim(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	orders, err := p.pod(a).Claim(t.Context(), programAge, 1+int(b)%4)
	if err != nil {
		return kindOf(err)
	}
	return ids(orders...)
}

func opWait(t *testing.T, p *player, a, _ byte) any {
	t.Helper()
	p.Elapse(t, time.Duration(a%3)*programWait)
	return nil
}

// opBegin begins a rebuild, and mostly opens a sale with few seats in each tier. Seldom
// it takes the present epoch for stale, because little is left then.
func opBegin(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	stale := ""
	if b >= 224 {
		stale = epochs[int(b)%len(epochs)]
	}
	began := kindOf(p.Stock.Begin(t.Context(), tokens[int(a)%len(tokens)], stale))
	if a >= 192 {
		return began
	}
	return []any{began, opOpen(t, p, a, b)}
}

// opStock gives one tier another capacity, and the others a hundred seats.
func opStock(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	tiers := []ticketing.TierKey{general, balcony, pit}
	return kindOf(p.Stock.Stock(t.Context(), withCapacity(tiers[int(a)%len(tiers)], int(b)%12)))
}

var (
	epochs = []string{epochOne, epochTwo, "epoch-3"}
	tokens = []string{"one", "two"}
)

func opOpen(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	events := Catalog()
	for i := range events {
		for j := range events[i].Tiers {
			events[i].Tiers[j].Capacity = 6 + int(b)%8
		}
	}
	return kindOf(p.Stock.Open(t.Context(), opening.Sale{
		Token: tokens[int(a)%len(tokens)], Epoch: epochs[int(a)%len(epochs)], Events: events,
		Sold: map[ticketing.TierKey]int{general: int(b) % 9},
	}))
}

// opRestore restores an order that was settled one way or the other, lately or long ago.
func opRestore(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	states := []ticketing.State{ticketing.StateConfirmed, ticketing.StateRefused, ticketing.StateCancelled}
	return kindOf(p.Stock.Restore(t.Context(), tokens[int(a)%len(tokens)], []opening.Record{
		{Order: p.order(b), State: states[int(a)%len(states)], Age: time.Duration(b%9) * 24 * time.Hour},
	}))
}

func opRemind(t *testing.T, p *player, _, b byte) any {
	t.Helper()
	moved, err := p.Overdue.Remind(t.Context(), programAge, 1+int(b)%4)
	return []any{moved, kindOf(err)}
}

// opCancel cancels an order, sometimes as one that the arbiter has forgotten.
func opCancel(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	order := p.order(a)
	c := checkout.Cancellation{Order: order}
	if b%4 == 0 {
		c.Epoch, c.Fingerprint = epochs[int(a)%len(epochs)], reservation(order).Fingerprint
	}
	got, err := p.pod(b).Cancel(t.Context(), c)
	return []any{got, kindOf(err)}
}

func opAcceptCancel(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	return kindOf(p.pod(a).AcceptCancel(t.Context(), p.order(a).ID, p.order(b).ID))
}

// opEpoch is rare, because little happens between it and the next begin.
func opEpoch(t *testing.T, p *player, a, b byte) any {
	t.Helper()
	if b%2 == 0 {
		p.SetEpoch(t, append(epochs, "")[int(a)%(len(epochs)+1)])
	}
	return nil
}

func opReplacePod(_ *testing.T, p *player, a, _ byte) any {
	p.pods[int(a)%len(p.pods)] = p.NewPod()
	return nil
}

func opPause(t *testing.T, p *player, a, _ byte) any {
	t.Helper()
	return kindOf(p.Ledger.SetPaused(t.Context(), a%2 == 0))
}

// opForget is rare for the same reason.
func opForget(t *testing.T, p *player, a, _ byte) any {
	t.Helper()
	if a%4 == 0 {
		p.Forget(t)
	}
	return nil
}

// kindOf names what an error means to whoever called; its text is each adapter's own.
func kindOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, checkout.ErrNotFound):
		return "not found"
	case errors.Is(err, checkout.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, checkout.ErrOutcomeUnknown):
		return "outcome unknown"
	default:
		return "refused"
	}
}
