package fulfil

import "github.com/eventflow-dev/eventflow/services/ticketing"

// maxUnsure bounds what is remembered; beyond it only log lines are at stake.
const maxUnsure = 10_000

// unsure remembers orders whose commit had no known outcome, so that the line that says
// that they were written is not missing when it turns out that they were. It belongs
// to one goroutine.
type unsure struct {
	ids map[ticketing.OrderID]struct{}
}

func newUnsure() *unsure { return &unsure{ids: map[ticketing.OrderID]struct{}{}} }

// add remembers the orders but for those that are settled.
func (u *unsure) add(orders []ticketing.Order, settled []Settlement) {
	for _, o := range orders {
		if len(u.ids) >= maxUnsure {
			break
		}
		u.ids[o.ID] = struct{}{}
	}
	for _, s := range settled {
		delete(u.ids, s.Order.ID)
	}
}

// take reports whether the id was remembered, and forgets it.
func (u *unsure) take(id ticketing.OrderID) bool {
	_, found := u.ids[id]
	delete(u.ids, id)
	return found
}
