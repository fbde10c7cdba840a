package history

import (
	"fmt"
	"time"
)

// Fault is the window in which the fault was seen, by other means than the history.
type Fault struct{ From, To time.Time }

// Validity returns why a run proves nothing, or "" where it counts: load must have
// run before, during and after the fault, at no less than minPerSecond, and the
// fault must have been seen.
func Validity(operations []Operation, fault Fault, minPerSecond float64) string {
	if fault.From.IsZero() || !fault.To.After(fault.From) {
		return "the fault was not observed"
	}
	if len(operations) == 0 {
		return "no load ran"
	}
	first, last := operations[0].Invoked, operations[0].Invoked
	for _, op := range operations {
		if op.Invoked.Before(first) {
			first = op.Invoked
		}
		if op.Invoked.After(last) {
			last = op.Invoked
		}
	}
	windows := []struct {
		name     string
		from, to time.Time
	}{{"before", first, fault.From}, {"during", fault.From, fault.To}, {"after", fault.To, last}}
	for _, w := range windows {
		n := 0
		for _, op := range operations {
			if !op.Invoked.Before(w.from) && !op.Invoked.After(w.to) {
				n++
			}
		}
		if n == 0 || float64(n) < minPerSecond*w.to.Sub(w.from).Seconds() {
			return fmt.Sprintf("%d operations in the %.1f s %s the fault, fewer than %.1f/s",
				n, w.to.Sub(w.from).Seconds(), w.name, minPerSecond)
		}
	}
	return ""
}
