package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// messageType names the body's format; its version is in the body too.
	messageType = "order.v1"

	reconnectMin = 100 * time.Millisecond
	reconnectMax = 2 * time.Second
	// settledAfter is how long a connection must live for the next pause to be a short one again.
	settledAfter = 10 * time.Second
	// publishTimeout bounds a publish whose caller has no deadline.
	publishTimeout = 5 * time.Second
)

var _ checkout.Publisher = (*Publisher)(nil)

// Publisher publishes orders over a connection that it keeps up while Run runs.
type Publisher struct {
	url     string
	options Options

	mu      sync.Mutex
	session *outbound
	since   time.Time
}

// NewPublisher returns a publisher that connects once Run is called.
func NewPublisher(url string, o Options) *Publisher {
	o = o.withDefaults()
	return &Publisher{url: url, options: o, since: o.Clock()}
}

// State tells whether there is a connection, since when that is so, and whether the
// broker is blocking publishers on it.
func (p *Publisher) State() (connected bool, since time.Time, blocked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session != nil, p.since, p.session != nil && p.session.blocked.Load()
}

// Publish implements checkout.Publisher.
func (p *Publisher) Publish(ctx context.Context, order ticketing.Order) error {
	body, err := ticketing.EncodeOrder(order)
	if err != nil {
		return fmt.Errorf("publish: %w", notSent(err))
	}
	p.mu.Lock()
	session := p.session
	p.mu.Unlock()
	if session == nil {
		return fmt.Errorf("publish %s: %w", order.ID, notSent(errNotConnected))
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	err = session.publish(ctx, epochKey(order.Epoch), orderMessage(order.ID, body))
	switch {
	case errors.Is(err, errUnroutable):
		return fmt.Errorf("publish %s: %w: %w", order.ID, checkout.ErrFenced, err)
	case err != nil:
		return fmt.Errorf("publish %s: %w", order.ID, err)
	}
	return nil
}

func orderMessage(id ticketing.OrderID, body []byte) amqp.Publishing {
	return amqp.Publishing{
		DeliveryMode: amqp.Persistent, ContentType: "application/json",
		Type: messageType, MessageId: string(id), Body: body,
	}
}

// Run keeps a connection to the broker until ctx ends, connecting again without end
// whenever it is lost.
func (p *Publisher) Run(ctx context.Context) error {
	pause := reconnectMin
	for ctx.Err() == nil {
		session, err := openOutbound(ctx, p.url, p.options)
		if err != nil {
			p.logFailure(ctx, err)
			pause = wait(ctx, pause)
			continue
		}
		connected := p.options.Clock()
		p.hold(ctx, session)
		if p.options.Clock().Sub(connected) > settledAfter {
			pause = reconnectMin
		}
		pause = wait(ctx, pause)
	}
	return nil
}

// hold offers the session to Publish until it ends.
func (p *Publisher) hold(ctx context.Context, session *outbound) {
	p.set(session)
	p.options.Logger.InfoContext(ctx, "Connected publisher to the broker")
	select {
	case <-ctx.Done():
	case <-session.done:
		p.options.Logger.WarnContext(ctx, "Lost publisher's connection to the broker", "error", session.cause)
	}
	p.set(nil)
	session.close()
}

func (p *Publisher) set(session *outbound) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session, p.since = session, p.options.Clock()
}

func (p *Publisher) logFailure(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, ErrWrongTopology):
		p.options.Logger.ErrorContext(ctx, "Refused to publish to a broker with wrong settings", "error", err)
	default:
		p.options.Logger.DebugContext(ctx, "Waiting for the broker", "error", err)
	}
}

// wait rests for about pause, or until ctx ends, and returns the next pause.
func wait(ctx context.Context, pause time.Duration) time.Duration {
	select {
	case <-ctx.Done():
	case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter
	}
	return min(2*pause, reconnectMax)
}
