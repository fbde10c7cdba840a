package rabbitmq

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The names of what orders pass through.
const (
	exchange  = "purchases"
	queue     = "purchases"
	deadQueue = "purchases.dead"
)

// ErrWrongTopology is wrapped when the broker has an exchange or queue of ours with
// other settings. Orders are not safe there, so that nothing is sold over it until somebody mends it.
var ErrWrongTopology = errors.New("exchange or queue exists with other settings")

// epochKey is the routing key of an epoch's orders. The purchase queue is bound to the key
// of one epoch: unbinding it shuts out whoever still publishes in it, however late.
func epochKey(epoch string) string { return queue + ".epoch." + epoch }

// queueArguments make a queue keep what it has confirmed: replicated and synced to disk
// before the confirm, never dropped for its length, its age, or the number of its deliveries, which a
// database that is away drives up.
func queueArguments() amqp.Table {
	return amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum, "x-delivery-limit": int32(-1)}
}

// declare makes sure that exchange and queues exist as they must be. Which epoch's orders
// the purchase queue gets is not decided here: see Queue.Admit.
func declare(ctx context.Context, l *link, ch *amqp.Channel) error {
	err := l.ask(ctx, func() error {
		if err := ch.ExchangeDeclare(exchange, amqp.ExchangeDirect, true, false, false, false, nil); err != nil {
			return fmt.Errorf("exchange %s, durable and direct: %w", exchange, err)
		}
		for _, name := range []string{queue, deadQueue} {
			if _, err := ch.QueueDeclare(name, true, false, false, false, queueArguments()); err != nil {
				return fmt.Errorf("queue %s, with %v: %w", name, queueArguments(), err)
			}
		}
		if err := ch.QueueBind(deadQueue, deadQueue, exchange, false, nil); err != nil {
			return fmt.Errorf("bind queue %s: %w", deadQueue, err)
		}
		return nil
	})
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed {
		return fmt.Errorf("declare topology: %w: %w", ErrWrongTopology, err)
	}
	if err != nil {
		return fmt.Errorf("declare topology: %w", err)
	}
	return nil
}
