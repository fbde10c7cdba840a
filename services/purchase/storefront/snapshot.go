package storefront

import (
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Source names where the newest part of a snapshot comes from.
type Source string

// The sources, best first.
const (
	// Postgres: the ledger answered the last time it was asked.
	Postgres Source = "postgres"
	// Redis: the ledger did not, the arbiter did.
	Redis Source = "redis"
	// Memory: neither did; this is what the pod remembers.
	Memory Source = "memory"
)

// Snapshot is what is on sale, at one moment, as the pod knows it. Nobody changes one.
type Snapshot struct {
	// Events is the catalog in its own order; nil while none has been read.
	Events []ticketing.Event
	// AsOf is the time as of which all of it was true.
	AsOf   time.Time
	Source Source
	// Stale is true where a part of it could not be refreshed the last time.
	Stale bool

	index map[string]int
	stock map[ticketing.TierKey]int
}

// NewSnapshot returns a snapshot of the events and of what is left of their tiers.
func NewSnapshot(events []ticketing.Event, stock map[ticketing.TierKey]int) *Snapshot {
	s := &Snapshot{Events: events, stock: stock, index: make(map[string]int, len(events))}
	for i, event := range events {
		s.index[event.ID] = i
	}
	return s
}

// Event returns the event with the id.
func (s *Snapshot) Event(id string) (ticketing.Event, bool) {
	i, found := s.index[id]
	if !found {
		return ticketing.Event{}, false
	}
	return s.Events[i], true
}

// Available returns how many seats the tier's pool has left, or false where that was
// never known. It is a hint: only a reservation decides.
func (s *Snapshot) Available(tier ticketing.TierKey) (int, bool) {
	n, known := s.stock[tier]
	return n, known
}

// Loaded reports whether a catalog has been read at all.
func (s *Snapshot) Loaded() bool { return s.Events != nil }

// knowledge is what the two stores have said so far.
type knowledge struct {
	books contact
	shelf contact
	// catalog is what the ledger had at catalogAt; zero time where it was never read.
	catalog   []ticketing.Event
	catalogAt time.Time
	// arbiter is what the arbiter had at arbiterAt; zero time where it was never read.
	arbiter   ShelfState
	arbiterAt time.Time
}

// snapshot makes what readers see. The arbiter's copy of the catalog counts where it is
// newer than what this pod has read from the ledger. AsOf is the older of the catalog's
// time and the stock's: it never claims more than is known.
func (k *knowledge) snapshot() *Snapshot {
	events, asOf := k.catalog, k.catalogAt
	if k.arbiter.CatalogAt.After(asOf) && k.arbiter.Events != nil {
		events, asOf = k.arbiter.Events, k.arbiter.CatalogAt
	}
	s := NewSnapshot(events, k.arbiter.Stock)
	s.AsOf = asOf
	if !k.arbiterAt.IsZero() && k.arbiterAt.Before(s.AsOf) {
		s.AsOf = k.arbiterAt
	}
	switch {
	case k.books.up:
		s.Source = Postgres
	case k.shelf.up:
		s.Source = Redis
	default:
		s.Source = Memory
	}
	s.Stale = !k.books.up || !k.shelf.up
	return s
}
