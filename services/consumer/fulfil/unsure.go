package fulfil

import "github.com/eventflow-dev/eventflow/services/ticketing"

// maxUnsure bounds what is remembered; beyond it only log lines are at stake.
const maxUnsure = 10_000

// unsure remembers orders, and cancellations, whose commit had no known outcome, so that
// the line that says that they were written is not missing when it turns out that they were.
// It belongs to one goroutine.
type unsure struct {
	entries map[entry]struct{}
}

// entry is an order, or its cancellation.
type entry struct {
	id        ticketing.OrderID
	cancelled bool
}

func newUnsure() *unsure { return &unsure{entries: map[entry]struct{}{}} }

// add remembers the orders but for those that are settled.
func (u *unsure) add(orders []ticketing.Order, settled []Settlement) {
	for _, o := range orders {
		if len(u.entries) >= maxUnsure {
			break
		}
		u.entries[entry{o.ID, o.Cancelled}] = struct{}{}
	}
	for _, s := range settled {
		delete(u.entries, entry{s.Order.ID, s.Order.Cancelled})
	}
}

// take reports whether the settlement tells of an order that was remembered, and forgets
// it. With its cancellation an order is forgotten as well. Of an order that somebody else has
// cancelled meanwhile, only its cancellation tells.
func (u *unsure) take(s Settlement) bool {
	e := entry{s.Order.ID, s.Order.Cancelled}
	_, found := u.entries[e]
	delete(u.entries, e)
	delete(u.entries, entry{id: s.Order.ID})
	return found && (s.State != ticketing.StateCancelled || s.Order.Cancelled)
}
