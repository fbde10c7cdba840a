package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// OpenEpoch implements opening.Books.
func (l *Ledger) OpenEpoch(_ context.Context, epoch string) (string, error) {
	var open string
	err := l.change(func() error {
		open = l.openEpochLocked()
		if _, known := l.epochs[epoch]; open == "" && epoch != "" && !known {
			l.epochs[epoch] = false
			open = epoch
		}
		return nil
	})
	return open, err
}

func (l *Ledger) openEpochLocked() string {
	for epoch, ended := range l.epochs {
		if !ended {
			return epoch
		}
	}
	return ""
}

// EndEpoch implements opening.Books.
func (l *Ledger) EndEpoch(_ context.Context, epoch string) error {
	return l.change(func() error {
		l.epochs[epoch] = true
		return nil
	})
}

// Sold implements opening.Books.
func (l *Ledger) Sold(context.Context) (map[ticketing.TierKey]int, error) {
	var sold map[ticketing.TierKey]int
	err := l.change(func() error {
		sold = maps.Clone(l.sold)
		return nil
	})
	maps.DeleteFunc(sold, func(_ ticketing.TierKey, seats int) bool { return seats == 0 })
	return sold, err
}

// Settled implements opening.Books.
func (l *Ledger) Settled(_ context.Context, after ticketing.OrderID, limit int) ([]opening.Record, error) {
	var records []opening.Record
	err := l.change(func() error {
		for _, id := range slices.Sorted(maps.Keys(l.orders)) {
			if id > after && len(records) < limit {
				known := l.orders[id]
				records = append(records, opening.Record{
					Order: known.Order, State: known.State, Age: l.clock().Sub(l.settledAt[id]),
				})
			}
		}
		return nil
	})
	return records, err
}
