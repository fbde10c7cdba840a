package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var (
	_ checkout.Publisher = (*Broker)(nil)
	_ fulfil.Queue       = (*Broker)(nil)
	_ opening.Backlog    = (*Broker)(nil)
)

// errSessionEnded is what a session that is over answers.
var errSessionEnded = errors.New("session has ended")

// Broker is the twin of RabbitMQ's purchase queue: what is published is kept in order,
// each message is with at most one session at a time, and what a session did not
// acknowledge goes back to the head of the queue.
type Broker struct {
	Faults
	mu       sync.Mutex
	admitted map[string]bool
	ready    []message
	dead     []DeadLetter
	sessions []*session
}

type message struct {
	body        []byte
	redelivered bool
}

// DeadLetter is a parked message and why it was parked.
type DeadLetter struct {
	Body   []byte
	Reason string
}

// NewBroker returns a broker with an empty queue that takes orders of no epoch yet.
func NewBroker() *Broker { return &Broker{admitted: map[string]bool{}} }

// Admit implements opening.Backlog.
func (b *Broker) Admit(_ context.Context, epoch string) error { return b.setAdmitted(epoch, true) }

// Fence implements opening.Backlog.
func (b *Broker) Fence(_ context.Context, epoch string) error { return b.setAdmitted(epoch, false) }

func (b *Broker) setAdmitted(epoch string, admitted bool) error {
	if err := b.begin(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.admitted[epoch] = admitted
	return nil
}

// Forget loses all data, as a broker whose volume is gone does: messages, and which
// epoch it takes orders of.
func (b *Broker) Forget() {
	b.Disconnect()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready, b.dead, b.admitted = nil, nil, map[string]bool{}
}

// Publish implements checkout.Publisher.
func (b *Broker) Publish(_ context.Context, order ticketing.Order) error {
	body, err := ticketing.EncodeOrder(order)
	if err != nil {
		return fmt.Errorf("publish: %w: %w", checkout.ErrUnavailable, err)
	}
	if err := b.begin(); err != nil {
		return fmt.Errorf("publish %s: %w", order.ID, err)
	}
	if !b.admits(order.Epoch) {
		return fmt.Errorf("publish %s: %w: %w", order.ID, checkout.ErrFenced, checkout.ErrUnavailable)
	}
	b.PublishRaw(body)
	if err := b.end(); err != nil {
		return fmt.Errorf("publish %s: %w", order.ID, err)
	}
	return nil
}

func (b *Broker) admits(epoch string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.admitted[epoch]
}

// PublishRaw puts any bytes into the queue, also such as no order is.
func (b *Broker) PublishRaw(body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = append(b.ready, message{body: body})
	b.pumpLocked()
}

// State implements opening.Backlog.
func (b *Broker) State(context.Context) (ready, consumers int, err error) {
	if err := b.begin(); err != nil {
		return 0, 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ready), len(b.sessions), nil
}

// DeadLetters returns what has been parked, oldest first.
func (b *Broker) DeadLetters() []DeadLetter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.dead)
}

// Unacknowledged returns how many messages sessions hold.
func (b *Broker) Unacknowledged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := 0
	for _, s := range b.sessions {
		held += len(s.unacked)
	}
	return held
}

// Disconnect ends every session, as a broker that restarts does.
func (b *Broker) Disconnect() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slices.Clone(b.sessions) {
		s.endLocked()
	}
}

// Consume implements fulfil.Queue.
func (b *Broker) Consume(_ context.Context, prefetch int) (fulfil.Session, error) {
	if err := b.begin(); err != nil {
		return nil, err
	}
	if prefetch < 1 {
		return nil, fmt.Errorf("consume: prefetch %d is not positive", prefetch)
	}
	s := &session{broker: b, prefetch: prefetch, out: make(chan fulfil.Delivery, prefetch)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions = append(b.sessions, s)
	b.pumpLocked()
	return s, nil
}

// pumpLocked hands ready messages to sessions that may hold more. A session's channel
// has room for its whole prefetch, so that sending never blocks.
func (b *Broker) pumpLocked() {
	for _, s := range b.sessions {
		for len(b.ready) > 0 && len(s.unacked) < s.prefetch {
			m := b.ready[0]
			b.ready = b.ready[1:]
			s.lastTag++
			s.unacked = append(s.unacked, held{tag: s.lastTag, message: m})
			s.out <- fulfil.Delivery{Body: m.body, Redelivered: m.redelivered, Tag: s.lastTag}
		}
	}
}

// session is one consumer; the broker's mutex guards it.
type session struct {
	broker   *Broker
	prefetch int
	out      chan fulfil.Delivery
	unacked  []held
	lastTag  uint64
	ended    bool
}

type held struct {
	message
	tag uint64
}

// Deliveries implements fulfil.Session.
func (s *session) Deliveries() <-chan fulfil.Delivery { return s.out }

// AckUpTo implements fulfil.Session.
func (s *session) AckUpTo(tag uint64) error {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	if s.ended {
		return fmt.Errorf("acknowledge up to %d: %w", tag, errSessionEnded)
	}
	if !slices.ContainsFunc(s.unacked, func(h held) bool { return h.tag == tag }) {
		s.endLocked() // RabbitMQ closes the channel over a tag that it does not know
		return fmt.Errorf("acknowledge up to %d: no such delivery is outstanding", tag)
	}
	s.unacked = slices.DeleteFunc(s.unacked, func(h held) bool { return h.tag <= tag })
	s.broker.pumpLocked()
	return nil
}

// Park implements fulfil.Session.
func (s *session) Park(_ context.Context, d fulfil.Delivery, reason string) error {
	if err := s.broker.begin(); err != nil {
		return fmt.Errorf("park delivery %d: %w", d.Tag, err)
	}
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	if s.ended {
		return fmt.Errorf("park delivery %d: %w", d.Tag, errSessionEnded)
	}
	s.broker.dead = append(s.broker.dead, DeadLetter{Body: d.Body, Reason: reason})
	return nil
}

// Close implements fulfil.Session.
func (s *session) Close(context.Context) error {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	s.endLocked()
	return nil
}

func (s *session) endLocked() {
	if s.ended {
		return
	}
	s.ended = true
	close(s.out)
	b := s.broker
	b.sessions = slices.DeleteFunc(b.sessions, func(other *session) bool { return other == s })
	back := make([]message, 0, len(s.unacked)+len(b.ready))
	for _, h := range s.unacked {
		back = append(back, message{body: h.body, redelivered: true})
	}
	b.ready = append(back, b.ready...)
	s.unacked = nil
	b.pumpLocked()
}
