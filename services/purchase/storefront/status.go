package storefront

import "time"

// Mode says in one word what a purchase can expect.
type Mode string

// The modes.
const (
	// Normal: purchases are confirmed at once.
	Normal Mode = "NORMAL"
	// Async: purchases are accepted, and confirmed later.
	Async Mode = "ASYNC"
	// Paused: purchases are refused.
	Paused Mode = "PAUSED"
)

// StoreState is how a store is, as this pod sees it, and since when. It says nothing
// about the store's health for others.
type StoreState struct {
	Up bool
	// Since is when it came to be so; before the first contact, when the pod started.
	Since time.Time
}

// Status is how the pod is.
type Status struct {
	Mode Mode
	// Accepting reports whether a purchase can succeed: the sale is open, the arbiter
	// answers, its settings are right, and the outbox has room.
	Accepting                 bool
	Postgres, Redis, RabbitMQ StoreState
}

// contact is the state of a store that is asked now and then.
type contact struct {
	asked bool
	up    bool
	since time.Time
}

// note records whether the store answered, and reports whether that is news.
func (c *contact) note(err error, at time.Time) bool {
	up, first := err == nil, !c.asked
	c.asked = true
	if c.up != up {
		c.up, c.since = up, at
		return true
	}
	return first
}

func (c contact) state() StoreState { return StoreState{Up: c.up, Since: c.since} }
