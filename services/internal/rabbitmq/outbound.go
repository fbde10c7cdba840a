package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// stallAfter is after how long without any confirm, while some are due, publishing is
	// refused at once instead of letting everybody wait. The next confirm ends it.
	stallAfter = time.Second
	// giveUpAfter is after how long such a connection is replaced. A broker that blocks
	// publishers is waited for instead: another connection would be blocked too.
	giveUpAfter = 10 * time.Second
)

// outbound is one life of a publishing connection. It ends with the connection, or with
// any of its channels, and is never repaired.
type outbound struct {
	link  *link
	clock func() time.Time
	lanes []*lane
	next  atomic.Uint64

	blocked  atomic.Bool
	inFlight atomic.Int64
	// progress is when the last confirm came, or the wait for one began, in nanoseconds.
	progress atomic.Int64

	end  sync.Once
	done chan struct{}
	// cause is why it ended; read it after done.
	cause error
	// users is held for reading by each publish, so that close can wait for them.
	users sync.RWMutex
	group sync.WaitGroup
}

// openOutbound connects, makes sure of the topology, and opens the lanes.
func openOutbound(ctx context.Context, url string, o Options) (*outbound, error) {
	l, err := dial(ctx, url, o)
	if err != nil {
		return nil, err
	}
	s := &outbound{link: l, clock: o.Clock, done: make(chan struct{})}
	s.watch(l.conn.NotifyClose(make(chan *amqp.Error, 1)))
	s.watchBlocked(l.conn.NotifyBlocked(make(chan amqp.Blocking, 16)))
	s.group.Go(s.watchProgress)
	for range o.Channels {
		if err := s.addLane(ctx); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *outbound) addLane(ctx context.Context) error {
	var channel *amqp.Channel
	err := s.link.ask(ctx, func() (err error) {
		if channel, err = s.link.conn.Channel(); err != nil {
			return err
		}
		return channel.Confirm(false)
	})
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	if err := declare(ctx, s.link, channel); err != nil {
		return err
	}
	s.watch(channel.NotifyClose(make(chan *amqp.Error, 1)))
	l := &lane{
		session: s, channel: channel,
		jobs: make(chan *job), slots: make(chan struct{}, laneDepth),
		returns: channel.NotifyReturn(make(chan amqp.Return, laneDepth)), unroutable: map[string]bool{},
	}
	s.lanes = append(s.lanes, l)
	s.group.Go(l.run)
	return nil
}

// watch ends the session when the connection or a channel closes.
func (s *outbound) watch(closed <-chan *amqp.Error) {
	s.group.Go(func() {
		cause := errors.New("connection closed")
		if reason := <-closed; reason != nil {
			cause = reason
		}
		s.finish(cause)
	})
}

func (s *outbound) watchBlocked(blocked <-chan amqp.Blocking) {
	s.group.Go(func() {
		for b := range blocked {
			s.blocked.Store(b.Active)
		}
	})
}

// watchProgress ends the session when the broker goes on confirming nothing. Only then
// is it certain that it never will, and what is unconfirmed may be published again.
func (s *outbound) watchProgress() {
	ticker := time.NewTicker(stallAfter)
	defer ticker.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
			if s.waiting() > giveUpAfter && !s.blocked.Load() {
				s.finish(errStalled)
			}
		}
	}
}

func (s *outbound) finish(cause error) {
	s.end.Do(func() {
		s.cause = cause
		close(s.done)
	})
}

// publish sends over the next lane, unless it is known already that no confirm would come.
func (s *outbound) publish(ctx context.Context, key string, message amqp.Publishing) error {
	s.users.RLock()
	defer s.users.RUnlock()
	switch {
	case s.blocked.Load():
		return notSent(errBlocked)
	case s.waiting() > stallAfter:
		return notSent(errStalled)
	}
	lane := s.lanes[s.next.Add(1)%uint64(len(s.lanes))]
	return lane.publish(ctx, key, message)
}

// waiting returns for how long confirms have been due without one coming.
func (s *outbound) waiting() time.Duration {
	if s.inFlight.Load() == 0 {
		return 0
	}
	return s.clock().Sub(time.Unix(0, s.progress.Load()))
}

func (s *outbound) noteProgress() { s.progress.Store(s.clock().UnixNano()) }

// close ends the connection and waits for everything that belongs to it.
func (s *outbound) close() {
	s.finish(errNotConnected)
	s.link.close()
	s.users.Lock() // nobody can start a goroutine of the group any more
	defer s.users.Unlock()
	s.group.Wait()
}
