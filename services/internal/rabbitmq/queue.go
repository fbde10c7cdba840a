package rabbitmq

import (
	"context"
	"errors"
	"fmt"

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
}

// NewQueue returns the queue of the broker at url, without connecting.
func NewQueue(url string, o Options) *Queue { return &Queue{url: url, options: o.withDefaults()} }

// Depth implements opening.Backlog.
func (q *Queue) Depth(ctx context.Context) (int, error) {
	l, channel, err := q.open(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the queue's depth: %w", err)
	}
	defer l.close()
	var state amqp.Queue
	err = l.ask(ctx, func() (err error) {
		state, err = channel.QueueDeclarePassive(queue, true, false, false, false, queueArguments())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read the queue's depth: %w", err)
	}
	return state.Messages, nil
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

// open connects and makes sure of the topology.
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
	if err != nil {
		l.close()
		return nil, nil, err
	}
	return l, channel, nil
}

// isClosed reports whether the error only says that the connection is gone already.
func isClosed(err error) bool { return errors.Is(err, amqp.ErrClosed) }
