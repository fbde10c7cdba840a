package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
)

const (
	// consumerTag names the one consumer of a channel.
	consumerTag = "fulfil"
	parkTimeout = 5 * time.Second
)

var errSessionClosed = errors.New("session is closed")

// session is one life of a consuming channel. Its tags mean nothing to any other
// channel, and it has no way to reach one: an acknowledgement either goes to the channel that the
// delivery came from, or fails.
type session struct {
	queue   *Queue
	link    *link
	channel *amqp.Channel
	out     chan fulfil.Delivery

	closed  atomic.Bool
	closing sync.Once
	group   sync.WaitGroup

	mu sync.Mutex
	// parking publishes to the dead-letter queue; opened when it is first needed.
	parking *outbound
}

type sessionFeed struct {
	deliveries <-chan amqp.Delivery
	prefetch   int
}

func newSession(q *Queue, l *link, channel *amqp.Channel, feed sessionFeed) *session {
	s := &session{queue: q, link: l, channel: channel, out: make(chan fulfil.Delivery, feed.prefetch)}
	s.group.Go(func() { s.forward(feed.deliveries) })
	return s
}

// forward passes deliveries on until the library closes its channel: on cancel, when
// the connection is lost, or when the queue is gone. The prefetch bounds how many can be outstanding,
// and out has room for all of them, so that it never waits.
func (s *session) forward(deliveries <-chan amqp.Delivery) {
	defer close(s.out)
	for d := range deliveries {
		s.out <- fulfil.Delivery{Body: d.Body, Redelivered: d.Redelivered, Tag: d.DeliveryTag}
	}
	s.closed.Store(true)
}

// Deliveries implements fulfil.Session.
func (s *session) Deliveries() <-chan fulfil.Delivery { return s.out }

// AckUpTo implements fulfil.Session.
func (s *session) AckUpTo(tag uint64) error {
	if s.closed.Load() {
		return fmt.Errorf("acknowledge up to %d: %w", tag, errSessionClosed)
	}
	const multiple = true
	if err := s.channel.Ack(tag, multiple); err != nil {
		return fmt.Errorf("acknowledge up to %d: %w", tag, err)
	}
	return nil
}

// Park implements fulfil.Session. It publishes on a connection of its own: see Queue.
func (s *session) Park(ctx context.Context, d fulfil.Delivery, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, parkTimeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return fmt.Errorf("park delivery %d: %w", d.Tag, errSessionClosed)
	}
	if err := s.park(ctx, d, reason); err != nil {
		s.dropParking()
		return fmt.Errorf("park delivery %d: %w", d.Tag, err)
	}
	return nil
}

func (s *session) park(ctx context.Context, d fulfil.Delivery, reason string) error {
	if s.parking == nil {
		options := s.queue.options
		options.Channels = 1
		parking, err := openOutbound(ctx, s.queue.url, options)
		if err != nil {
			return err
		}
		s.parking = parking
	}
	return s.parking.publish(ctx, deadQueue, amqp.Publishing{
		DeliveryMode: amqp.Persistent, ContentType: "application/octet-stream", Body: d.Body,
		Headers: amqp.Table{reasonHeader: reason, "x-queue": queue}, Timestamp: s.queue.options.Clock(),
	})
}

func (s *session) dropParking() {
	if s.parking != nil {
		s.parking.close()
		s.parking = nil
	}
}

// Close implements fulfil.Session. Closing the connection is what gives the deliveries
// back; a broker that cannot be reached does it once it notices.
func (s *session) Close(ctx context.Context) error {
	var err error
	s.closing.Do(func() {
		err = s.link.ask(ctx, func() error { return s.channel.Cancel(consumerTag, false) })
		s.closed.Store(true)
		s.link.close()
		s.group.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dropParking()
	})
	if err != nil && !isClosed(err) {
		return fmt.Errorf("close session: %w", err)
	}
	return nil
}
