package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
)

var (
	_ fulfil.Queue    = (*Queue)(nil)
	_ opening.Backlog = (*Queue)(nil)
)

// Queue is the purchase queue as the consumer sees it. Each session has a connection of
// its own, apart from any that publishes: a broker short of memory stops reading from publishers,
// and must go on reading acknowledgements.
type Queue struct {
	url     string
	options Options
	// mu is held while an epoch is bound, so that none is after it was fenced.
	mu sync.Mutex
	// admitted is the epoch whose orders the queue gets, "" where that is not known. A broker
	// that has lost its data is told again with the next connection.
	admitted string
}

// NewQueue returns the queue of the broker at url, without connecting.
func NewQueue(url string, o Options) *Queue {
	return &Queue{url: url, options: o.withDefaults()}
}

// State implements opening.Backlog.
func (q *Queue) State(ctx context.Context) (ready, consumers int, err error) {
	var state amqp.Queue
	err = q.converse(ctx, func(channel *amqp.Channel) (err error) {
		state, err = channel.QueueDeclarePassive(queue, true, false, false, false, queueArguments())
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("read the queue's state: %w", err)
	}
	return state.Messages, state.Consumers, nil
}

// Admit implements opening.Backlog.
func (q *Queue) Admit(ctx context.Context, epoch string) error {
	q.setAdmitted(epoch)
	l, _, err := q.open(ctx)
	if err != nil {
		return fmt.Errorf("admit epoch %q: %w", epoch, err)
	}
	l.close()
	return nil
}

// Fence implements opening.Backlog.
func (q *Queue) Fence(ctx context.Context, epoch string) error {
	q.setAdmitted("")
	err := q.converse(ctx, func(channel *amqp.Channel) error {
		return channel.QueueUnbind(queue, epochKey(epoch), exchange, nil)
	})
	if err != nil {
		return fmt.Errorf("fence epoch %q: %w", epoch, err)
	}
	return nil
}

func (q *Queue) setAdmitted(epoch string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.admitted = epoch
}

// bind lets orders of the admitted epoch into the queue.
func (q *Queue) bind(ctx context.Context, l *link, channel *amqp.Channel) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.admitted == "" {
		return nil
	}
	return l.ask(ctx, func() error { return channel.QueueBind(queue, epochKey(q.admitted), exchange, false, nil) })
}

// converse has one conversation with the broker over a connection of its own.
func (q *Queue) converse(ctx context.Context, conversation func(*amqp.Channel) error) error {
	l, channel, err := q.open(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	return l.ask(ctx, func() error { return conversation(channel) })
}

// Consume implements fulfil.Queue.
func (q *Queue) Consume(ctx context.Context, prefetch int) (fulfil.Session, error) {
	if prefetch < 1 {
		return nil, fmt.Errorf("consume: prefetch %d is not positive", prefetch)
	}
	l, channel, err := q.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("consume: %w", err)
	}
	var deliveries <-chan amqp.Delivery
	err = l.ask(ctx, func() (err error) {
		if err = channel.Qos(prefetch, 0, false); err != nil {
			return err
		}
		deliveries, err = channel.Consume(queue, consumerTag, false, false, false, false, nil)
		return err
	})
	if err != nil {
		l.close()
		return nil, fmt.Errorf("consume: %w", err)
	}
	q.options.Logger.InfoContext(ctx, "Began to consume", "prefetch", prefetch)
	return newSession(q, l, channel, sessionFeed{deliveries: deliveries, prefetch: prefetch}), nil
}

// open connects and makes sure of the topology and of the way into the queue.
func (q *Queue) open(ctx context.Context) (*link, *amqp.Channel, error) {
	l, err := dial(ctx, q.url, q.options)
	if err != nil {
		return nil, nil, err
	}
	var channel *amqp.Channel
	err = l.ask(ctx, func() (err error) {
		channel, err = l.conn.Channel()
		return err
	})
	if err == nil {
		err = declare(ctx, l, channel)
	}
	if err == nil {
		err = q.bind(ctx, l, channel)
	}
	if err != nil {
		l.close()
		return nil, nil, err
	}
	return l, channel, nil
}

// isClosed reports whether the error only says that the connection is gone already.
func isClosed(err error) bool { return errors.Is(err, amqp.ErrClosed) }
