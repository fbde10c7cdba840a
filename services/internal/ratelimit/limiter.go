// Package ratelimit decides how often one client may ask, and who the client is: the
// address that a proxy which is trusted has seen, and nothing that a client says of itself. It must not
// know what is asked for, nor how a refusal is answered.
package ratelimit

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// MaxClients bounds how many clients a Limiter knows at one time, in less than 8 MiB.
const MaxClients = 16_384

// Rate is how often one client may ask: PerSecond in the long run, and Burst at once.
type Rate struct {
	// PerSecond of zero means as often as it likes.
	PerSecond int
	// Burst is at least 1 where PerSecond is not zero.
	Burst int
}

// Limiter holds a token bucket for each client. The clients that it knows are bounded:
// one that has been idle for so long that its bucket is full again is forgotten, which changes nothing, and
// where there are too many, the one that has been idle longest is, which gives it a full bucket.
type Limiter struct {
	rate Rate
	// fills is how long an empty bucket takes to be full.
	fills      time.Duration
	maxClients int

	mu      sync.Mutex
	clients map[netip.Addr]*list.Element
	// recent has the *client that asked last at its front.
	recent list.List
}

type client struct {
	address netip.Addr
	bucket  *rate.Limiter
	seen    time.Time
}

// New returns a Limiter that knows at most MaxClients clients.
func New(r Rate) *Limiter { return newLimiter(r, MaxClients) }

func newLimiter(r Rate, maxClients int) *Limiter {
	l := &Limiter{rate: r, maxClients: maxClients, clients: map[netip.Addr]*list.Element{}}
	if r.PerSecond > 0 {
		l.fills = time.Duration(float64(r.Burst) / float64(r.PerSecond) * float64(time.Second))
	}
	return l
}

// Take takes one token from the client's bucket and returns zero, or takes none and
// returns how long it is until there is one.
func (l *Limiter) Take(address netip.Addr, now time.Time) time.Duration {
	if l.rate.PerSecond == 0 {
		return 0
	}
	reservation := l.bucket(address, now).ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// bucket returns the client's bucket, and forgets others where it can or must.
func (l *Limiter) bucket(address netip.Addr, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if element, known := l.clients[address]; known {
		l.recent.MoveToFront(element)
		c, _ := element.Value.(*client)
		c.seen = now
		return c.bucket
	}
	// Two for each that comes: the idle ones become fewer for as long as anybody asks.
	for range 2 {
		l.forgetIdle(now)
	}
	if len(l.clients) >= l.maxClients {
		l.forget(l.recent.Back())
	}
	c := &client{address: address, bucket: rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst), seen: now}
	l.clients[address] = l.recent.PushFront(c)
	return c.bucket
}

func (l *Limiter) forgetIdle(now time.Time) {
	oldest := l.recent.Back()
	if oldest == nil {
		return
	}
	if c, _ := oldest.Value.(*client); now.Sub(c.seen) >= l.fills {
		l.forget(oldest)
	}
}

func (l *Limiter) forget(element *list.Element) {
	c, _ := l.recent.Remove(element).(*client)
	delete(l.clients, c.address)
}
