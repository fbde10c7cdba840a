package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Tier is one tier at the end of the run.
type Tier struct {
	EventID  string `json:"event_id"`
	TierID   string `json:"tier"`
	Capacity int    `json:"capacity"`
	// Stock is how many seats the arbiter's pool has left.
	Stock int `json:"stock"`
}

// Final is the state of the stores after the run, when nothing moves any more: queue,
// outbox and dead letters are empty.
type Final struct {
	Rows  []Row  `json:"rows"`
	Tiers []Tier `json:"tiers"`
	// DeadLetters names the orders that were parked: accepted, not in the ledger, not lost.
	DeadLetters []string `json:"dead_letters,omitempty"`
}

// Kind is a way in which a promise is broken.
type Kind string

// The kinds of violation.
const (
	// Lost: acknowledged, and neither in the ledger nor parked.
	Lost Kind = "lost"
	// Duplicated: one order or one purchase has more than one row.
	Duplicated Kind = "duplicated"
	// Unexpected: in the ledger, and nobody asked for it, or for something else.
	Unexpected Kind = "unexpected"
	// Oversold: more seats confirmed than there are.
	Oversold Kind = "oversold"
	// BrokenPromise: the client was told something else than what happened.
	BrokenPromise Kind = "broken promise"
	// Leaked: stock and sold seats do not make the capacity.
	Leaked Kind = "leaked"
)

// Violation is one broken promise.
type Violation struct {
	Kind   Kind   `json:"kind"`
	Detail string `json:"detail"`
}

// Report is the checker's table. All but Oversold and Leaked, which count seats, count
// purchases. Cancelled are those whose row is CANCELLED; Persisted does not count them.
type Report struct {
	Attempted, Acknowledged, AcceptedAsync, Persisted, Recovered int
	Cancelled                                                    int
	Lost, Duplicated, Unexpected, Oversold, Broken, Leaked       int
	// Violations are in a stable order.
	Violations []Violation
}

// Passed reports whether no promise was broken.
func (r Report) Passed() bool { return len(r.Violations) == 0 }

// String renders the table for people.
func (r Report) String() string {
	return fmt.Sprintf("attempted %d  acknowledged %d  accepted-async %d  persisted %d  recovered %d  cancelled %d  "+
		"lost %d  duplicated %d  unexpected %d  oversold %d  broken promises %d  leaked %d",
		r.Attempted, r.Acknowledged, r.AcceptedAsync, r.Persisted, r.Recovered, r.Cancelled,
		r.Lost, r.Duplicated, r.Unexpected, r.Oversold, r.Broken, r.Leaked)
}

// purchase is everything that is known about one buyer's purchase.
type purchase struct {
	operations    []Operation
	cancellations []Operation
	rows          []Row
}

// acknowledged is the index of the first operation that was promised a place, or -1.
func (p purchase) acknowledged() int {
	return slices.IndexFunc(p.operations, func(op Operation) bool { return op.Answer.Acknowledged() })
}

type checker struct {
	final     Final
	purchases map[string]*purchase
	report    Report
}

// Check compares a history with the state of the stores after it.
func Check(operations []Operation, final Final) Report {
	c := checker{final: final, purchases: map[string]*purchase{}}
	for _, op := range operations {
		p := c.purchase(op.Buyer)
		if op.Action == Cancel {
			p.cancellations = append(p.cancellations, op)
			continue
		}
		p.operations = append(p.operations, op)
	}
	for _, row := range final.Rows {
		p := c.purchase(row.Buyer)
		p.rows = append(p.rows, row)
	}
	for _, buyer := range slices.Sorted(maps.Keys(c.purchases)) {
		c.checkPurchase(buyer, *c.purchases[buyer])
	}
	c.checkOrderIDs()
	c.checkTiers()
	return c.report
}

func (c *checker) purchase(buyer string) *purchase {
	p, found := c.purchases[buyer]
	if !found {
		p = &purchase{}
		c.purchases[buyer] = p
	}
	return p
}

func (c *checker) violatef(kind Kind, count *int, n int, format string, args ...any) {
	*count += n
	c.report.Violations = append(c.report.Violations, Violation{kind, fmt.Sprintf(format, args...)})
}

func (c *checker) checkPurchase(buyer string, p purchase) {
	r := &c.report
	if len(p.operations) == 0 {
		if len(p.rows) > 0 {
			c.violatef(Unexpected, &r.Unexpected, len(p.rows), "%s never asked for order %s", buyer, p.rows[0].OrderID)
		}
		return
	}
	r.Attempted++
	acknowledged := p.acknowledged()
	if acknowledged >= 0 {
		r.Acknowledged++
		if !slices.ContainsFunc(p.operations, func(op Operation) bool { return op.Answer == Confirmed }) {
			r.AcceptedAsync++
		}
	}
	c.checkAnswers(buyer, p)
	switch {
	case len(p.rows) > 1:
		c.violatef(Duplicated, &r.Duplicated, 1, "%s has %d rows: %s and %s", buyer, len(p.rows), p.rows[0].OrderID, p.rows[1].OrderID)
	case len(p.rows) == 1:
		c.checkRow(buyer, p)
	case acknowledged >= 0:
		op := p.operations[acknowledged]
		if !slices.Contains(c.final.DeadLetters, op.OrderID) {
			c.violatef(Lost, &r.Lost, 1, "%s was told %s for order %s, which is nowhere", buyer, op.Answer, op.OrderID)
		}
	}
}

// checkRow compares the one row of a purchase with what its client asked for and was told.
func (c *checker) checkRow(buyer string, p purchase) {
	acknowledged := p.acknowledged() >= 0
	r, row, asked := &c.report, p.rows[0], p.operations[0]
	if row.EventID != asked.EventID || row.TierID != asked.TierID || row.Quantity != asked.Quantity {
		c.violatef(Unexpected, &r.Unexpected, 1, "%s asked for %d of %s/%s, order %s has %d of %s/%s", buyer,
			asked.Quantity, asked.EventID, asked.TierID, row.OrderID, row.Quantity, row.EventID, row.TierID)
	}
	if row.State == "REFUSED" {
		if acknowledged {
			c.violatef(BrokenPromise, &r.Broken, 1, "%s was promised order %s, which the ledger refused", buyer, row.OrderID)
		}
		return
	}
	if row.State == "CANCELLED" {
		r.Cancelled++
		c.checkCancelled(buyer, p)
	} else {
		r.Persisted++
		c.checkNotCancelled(buyer, p)
	}
	if acknowledged {
		return
	}
	if slices.ContainsFunc(p.operations, func(op Operation) bool { return op.Answer == Unknown }) {
		r.Recovered++
		return
	}
	c.violatef(BrokenPromise, &r.Broken, 1, "%s was told that nothing happened (%s), and order %s is in the ledger",
		buyer, asked.Code, row.OrderID)
}

// checkCancelled finds an order that is CANCELLED although nobody asked for it, or although
// whoever did was told that nothing happened.
func (c *checker) checkCancelled(buyer string, p purchase) {
	asked := slices.ContainsFunc(p.cancellations, func(op Operation) bool { return op.OrderID == p.rows[0].OrderID })
	may := slices.ContainsFunc(p.cancellations, func(op Operation) bool { return op.Answer != Refused })
	switch {
	case !asked:
		c.violatef(BrokenPromise, &c.report.Broken, 1, "%s never asked to cancel order %s, which is CANCELLED", buyer, p.rows[0].OrderID)
	case !may:
		c.violatef(BrokenPromise, &c.report.Broken, 1, "%s was told that order %s was not cancelled (%s), and it is CANCELLED",
			buyer, p.rows[0].OrderID, p.cancellations[0].Code)
	}
}

// checkNotCancelled finds an order that is kept although its cancellation was promised.
func (c *checker) checkNotCancelled(buyer string, p purchase) {
	i := slices.IndexFunc(p.cancellations, func(op Operation) bool { return op.Answer.Acknowledged() })
	if i >= 0 {
		c.violatef(BrokenPromise, &c.report.Broken, 1, "%s was told that order %s is cancelled, and it is %s",
			buyer, p.cancellations[i].OrderID, p.rows[0].State)
	}
}

// checkAnswers finds answers that contradict one another: two orders for one
// purchase, or another order than the ledger's.
func (c *checker) checkAnswers(buyer string, p purchase) {
	ids := map[string]bool{}
	for _, op := range p.operations {
		if op.OrderID != "" && op.Answer.Acknowledged() {
			ids[op.OrderID] = true
		}
	}
	if len(ids) > 1 {
		c.violatef(BrokenPromise, &c.report.Broken, 1, "%s was given %d orders for one purchase: %v", buyer, len(ids), slices.Sorted(maps.Keys(ids)))
	}
	if len(p.rows) == 1 && len(ids) == 1 && !ids[p.rows[0].OrderID] {
		c.violatef(BrokenPromise, &c.report.Broken, 1, "%s was given order %v, the ledger has %s", buyer, slices.Sorted(maps.Keys(ids)), p.rows[0].OrderID)
	}
}

func (c *checker) checkOrderIDs() {
	rows := map[string]int{}
	for _, row := range c.final.Rows {
		rows[row.OrderID]++
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if rows[id] > 1 {
			c.violatef(Duplicated, &c.report.Duplicated, 1, "order %s has %d rows", id, rows[id])
		}
	}
}

func (c *checker) checkTiers() {
	sold := map[[2]string]int{}
	for _, row := range c.final.Rows {
		if row.State == "CONFIRMED" {
			sold[[2]string{row.EventID, row.TierID}] += row.Quantity
		}
	}
	tiers := slices.SortedFunc(slices.Values(c.final.Tiers), func(a, b Tier) int {
		return cmp.Or(cmp.Compare(a.EventID, b.EventID), cmp.Compare(a.TierID, b.TierID))
	})
	for _, t := range tiers {
		n := sold[[2]string{t.EventID, t.TierID}]
		if n > t.Capacity {
			c.violatef(Oversold, &c.report.Oversold, n-t.Capacity, "%s/%s has %d seats, %d are sold", t.EventID, t.TierID, t.Capacity, n)
		}
		if gap := t.Capacity - t.Stock - n; gap != 0 {
			c.violatef(Leaked, &c.report.Leaked, max(gap, -gap), "%s/%s: %d in stock and %d sold make %d of %d seats",
				t.EventID, t.TierID, t.Stock, n, t.Stock+n, t.Capacity)
		}
	}
}
