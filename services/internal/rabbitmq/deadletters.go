package rabbitmq

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// reasonHeader is where a parked message says why it was parked.
const reasonHeader = "x-reason"

// Letter is a message that was parked because it could never be written.
type Letter struct {
	// ID is the order's id where the message tells it, else "sha256-" and the beginning of
	// the body's digest. Copies of one message share it.
	ID string `json:"id"`
	// Reason is why the message was parked; "" where it does not say.
	Reason string `json:"reason,omitempty"`
	// ParkedAt is when, to the second; zero where the message does not say.
	ParkedAt time.Time `json:"parked_at,omitzero"`
	// Body is the message as it was, in base64 where this is JSON.
	Body []byte `json:"body"`
}

// Fate is what becomes of a letter.
type Fate int

// The fates.
const (
	// Keep gives the letter back to its queue.
	Keep Fate = iota
	// Redrive publishes it to the purchase queue again.
	Redrive
	// Discard takes it out of its queue for good.
	Discard
)

// Tally is what a Visit found and did.
type Tally struct {
	// Waiting is how many letters there were. Those that another visitor holds do not count.
	Waiting int `json:"waiting"`
	Seen    int `json:"seen"`
	// Redriven letters are in the purchase queue, confirmed by the broker.
	Redriven  int `json:"redriven"`
	Discarded int `json:"discarded"`
}

// DeadLetters is the queue of parked messages as an operator sees it.
type DeadLetters struct{ queue *Queue }

// NewDeadLetters returns the dead letters of the broker at url, without connecting.
func NewDeadLetters(url string, o Options) *DeadLetters {
	return &DeadLetters{queue: NewQueue(url, o)}
}

// Visit shows up to limit of the letters that are there now to decide, the oldest first, and does with each
// what it says. While it runs nobody else sees them; what is kept is given back at its end.
//
// A letter is redriven with the broker's confirm before it is acknowledged, and leaves its
// queue only then: whatever goes wrong in between, it is in one of the two queues, or in both, which
// is harmless, since the ledger takes an order once. An error, from decide too, ends the visit; the
// Tally says what was done before.
func (d *DeadLetters) Visit(ctx context.Context, limit int, decide func(Letter) (Fate, error)) (Tally, error) {
	v, err := d.open(ctx)
	if err != nil {
		return Tally{}, fmt.Errorf("visit dead letters: %w", err)
	}
	defer v.close()
	for range min(limit, v.tally.Waiting) {
		more, err := v.one(ctx, decide)
		if err != nil {
			return v.tally, fmt.Errorf("visit dead letters: %w", err)
		}
		if !more {
			break
		}
	}
	// Acknowledgements are not answered. Closing the channel is, after them.
	if err := v.link.ask(ctx, v.channel.Close); err != nil {
		return v.tally, fmt.Errorf("visit dead letters: what was taken out may still be there: %w", err)
	}
	return v.tally, nil
}

// visit is one connection that holds letters.
type visit struct {
	queue   *Queue
	link    *link
	channel *amqp.Channel
	tally   Tally
	// again publishes on a connection of its own, see Queue; opened when it is first needed.
	again *redriver
}

func (d *DeadLetters) open(ctx context.Context) (*visit, error) {
	l, channel, err := d.queue.open(ctx)
	if err != nil {
		return nil, err
	}
	v := &visit{queue: d.queue, link: l, channel: channel}
	err = l.ask(ctx, func() error {
		state, err := channel.QueueDeclarePassive(deadQueue, true, false, false, false, queueArguments())
		v.tally.Waiting = state.Messages
		return err
	})
	if err != nil {
		v.close()
		return nil, fmt.Errorf("read the queue's depth: %w", err)
	}
	return v, nil
}

// close gives back what is unacknowledged.
func (v *visit) close() {
	v.link.close()
	if v.again != nil {
		v.again.link.close()
	}
}

// one shows the next letter, and reports whether there was one.
func (v *visit) one(ctx context.Context, decide func(Letter) (Fate, error)) (bool, error) {
	var d amqp.Delivery
	var found bool
	err := v.link.ask(ctx, func() (err error) {
		const autoAck = false
		d, found, err = v.channel.Get(deadQueue, autoAck)
		return err
	})
	if err != nil || !found {
		return false, err
	}
	letter := newLetter(d)
	v.tally.Seen++
	fate, err := decide(letter)
	if err != nil || fate == Keep {
		return err == nil, err
	}
	if fate == Redrive {
		if err := v.redrive(ctx, letter); err != nil {
			return false, fmt.Errorf("redrive %s: %w", letter.ID, err)
		}
		v.tally.Redriven++
	}
	const multiple = false
	if err := d.Ack(multiple); err != nil {
		return false, fmt.Errorf("take %s out of its queue: %w", letter.ID, err)
	}
	if fate == Discard {
		v.tally.Discarded++
	}
	return true, nil
}

func (v *visit) redrive(ctx context.Context, letter Letter) error {
	if v.again == nil {
		again, err := openRedriver(ctx, v.queue)
		if err != nil {
			return err
		}
		v.again = again
	}
	return v.again.publish(ctx, letter)
}

// redriver publishes one letter after the other.
type redriver struct {
	link    *link
	channel *amqp.Channel
	returns <-chan amqp.Return
}

func openRedriver(ctx context.Context, q *Queue) (*redriver, error) {
	l, channel, err := q.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.ask(ctx, func() error { return channel.Confirm(false) }); err != nil {
		l.close()
		return nil, fmt.Errorf("ask for confirms: %w", err)
	}
	return &redriver{link: l, channel: channel, returns: channel.NotifyReturn(make(chan amqp.Return, 1))}, nil
}

// publish puts the letter into the purchase queue itself, through the default exchange,
// and returns nil only once the broker has confirmed that it keeps it.
func (r *redriver) publish(ctx context.Context, letter Letter) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	var confirm *amqp.DeferredConfirmation
	err := r.link.ask(ctx, func() (err error) {
		const (
			defaultExchange      = ""
			mandatory, immediate = true, false
		)
		message := amqp.Publishing{
			DeliveryMode: amqp.Persistent, ContentType: "application/json",
			Type: messageType, MessageId: letter.ID, Body: letter.Body,
		}
		confirm, err = r.channel.PublishWithDeferredConfirm(defaultExchange, queue, mandatory, immediate, message)
		return err
	})
	if err != nil {
		return err
	}
	acked, err := confirm.WaitContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("wait for the broker's confirm: %w", err)
	case len(r.returns) > 0:
		<-r.returns
		return errUnroutable
	case !acked:
		return errUnconfirmed
	}
	return nil
}

func newLetter(d amqp.Delivery) Letter {
	reason, _ := d.Headers[reasonHeader].(string)
	return Letter{
		ID: cmp.Or(d.MessageId, orderIn(d.Body), digest(d.Body)), Reason: reason, ParkedAt: d.Timestamp, Body: d.Body,
	}
}

// orderIn returns the id of the order that the body seems to be, "" where there is none.
// It reads less strictly than whoever could not read the message.
func orderIn(body []byte) string {
	var message struct {
		Order struct {
			ID string `json:"order_id"`
		} `json:"order"`
	}
	var mistyped *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &message); err != nil && !errors.As(err, &mistyped) {
		return ""
	}
	return message.Order.ID
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256-" + hex.EncodeToString(sum[:6])
}
