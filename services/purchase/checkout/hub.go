package checkout

import (
	"context"
	"sync"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// hub brings announced settlements to the purchases that wait for them. Its bound keeps
// waiting from filling the pod: beyond it a purchase is answered without a wait.
type hub struct {
	limit   int
	mu      sync.Mutex
	waiting int
	waiters map[ticketing.OrderID][]*waiter
}

func newHub(limit int) *hub {
	return &hub{limit: limit, waiters: make(map[ticketing.OrderID][]*waiter)}
}

// waiter waits for one order. A nil waiter waits for nothing.
type waiter struct {
	hub *hub
	id  ticketing.OrderID
	// ends reports whether a state is one that is waited for.
	ends    func(ticketing.State) bool
	settled chan ticketing.State
}

// watch begins to listen for the order to come to a state that ends, so that nothing
// announced from now on is missed. The caller calls stop. It returns nil where the hub is full.
func (h *hub) watch(id ticketing.OrderID, ends func(ticketing.State) bool) *waiter {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting >= h.limit {
		return nil
	}
	w := &waiter{hub: h, id: id, ends: ends, settled: make(chan ticketing.State, 1)}
	h.waiting++
	h.waiters[id] = append(h.waiters[id], w)
	return w
}

// settle hands each settlement to whoever waits for it.
func (h *hub) settle(settlements []Settlement) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range settlements {
		for _, w := range h.waiters[s.ID] {
			if !w.ends(s.State) {
				continue
			}
			select {
			case w.settled <- s.State:
			default: // told already
			}
		}
	}
}

// stop ends the waiter's listening.
func (w *waiter) stop() {
	if w == nil {
		return
	}
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	rest := w.hub.waiters[w.id]
	for i, other := range rest {
		if other == w {
			rest = append(rest[:i], rest[i+1:]...)
			w.hub.waiting--
			break
		}
	}
	if len(rest) == 0 {
		delete(w.hub.waiters, w.id)
		return
	}
	w.hub.waiters[w.id] = rest
}

// wait returns the order's settled state, or false where atMost or ctx ends before it is
// announced.
func (w *waiter) wait(ctx context.Context, atMost time.Duration) (ticketing.State, bool) {
	if w == nil {
		return "", false
	}
	select {
	case state := <-w.settled:
		return state, true
	default:
	}
	if atMost <= 0 {
		return "", false
	}
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case state := <-w.settled:
		return state, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return "", false
}
