package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventflow-dev/eventflow/services/failpoint"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// laneDepth is how many messages of one lane may wait for their confirm.
const laneDepth = 512

var (
	errNotConnected = errors.New("not connected to the broker")
	errBlocked      = errors.New("the broker is blocking publishers")
	errStalled      = errors.New("the broker has not confirmed anything lately")
	errUnroutable   = errors.New("the broker has no queue for it")
	errUnconfirmed  = errors.New("the broker did not confirm it")
)

// lane is one channel in confirm mode. A goroutine of its own publishes, since a
// publish cannot be interrupted once it has begun: callers only ever wait as long as they want to.
type lane struct {
	session *outbound
	channel *amqp.Channel
	// jobs has no buffer: until the publishing goroutine takes a job, nothing of it is sent.
	jobs chan *job
	// slots has an entry for each message that waits for its confirm.
	slots chan struct{}

	mu      sync.Mutex
	returns <-chan amqp.Return
	// unroutable are the correlation ids of returned messages.
	unroutable map[string]bool
	sequence   uint64
}

// job is one message on its way. sent gets the promise of a confirm, or the error of publishing.
type job struct {
	key     string
	message amqp.Publishing
	sent    chan promise
}

type promise struct {
	confirm *amqp.DeferredConfirmation
	err     error
}

// publish hands the message over and waits for the broker's confirm. Errors wrap
// checkout.ErrUnavailable as long as the message was not handed over, or when the broker returned it.
func (l *lane) publish(ctx context.Context, key string, message amqp.Publishing) error {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return notSent(ctx.Err())
	case <-l.session.done:
		return notSent(errNotConnected)
	}
	j := &job{key: key, message: message, sent: make(chan promise, 1)}
	select {
	case l.jobs <- j:
	case <-ctx.Done():
		<-l.slots
		return notSent(ctx.Err())
	case <-l.session.done:
		<-l.slots
		return notSent(errNotConnected)
	}
	select {
	case p := <-j.sent:
		failpoint.Here(failpoint.AfterPublish)
		return l.await(ctx, j, p)
	case <-ctx.Done():
		l.session.group.Go(func() { _ = l.settle(j, <-j.sent) }) // nobody waits for the verdict
		return fmt.Errorf("publish: %w", ctx.Err())
	}
}

func (l *lane) await(ctx context.Context, j *job, p promise) error {
	if p.err != nil {
		return l.settle(j, p)
	}
	select {
	case <-p.confirm.Done():
		return l.settle(j, p)
	case <-ctx.Done():
		l.session.group.Go(func() { _ = l.settle(j, p) })
		return fmt.Errorf("wait for the broker's confirm: %w", ctx.Err())
	}
}

// settle waits for the confirm, which comes at the latest when the connection ends,
// frees the slot, and returns the verdict. A negative one proves nothing: the library
// gives the same when the connection is lost.
func (l *lane) settle(j *job, p promise) error {
	defer func() {
		l.session.inFlight.Add(-1)
		<-l.slots
	}()
	if p.err != nil {
		return fmt.Errorf("publish: %w", p.err)
	}
	<-p.confirm.Done()
	switch {
	case l.wasReturned(j.message.CorrelationId):
		return notSent(errUnroutable)
	case !p.confirm.Acked():
		return errUnconfirmed
	}
	l.session.noteProgress()
	return nil
}

// wasReturned reports whether the broker returned the message. The library hands a
// return to its listener before it handles the confirm that follows, and the listener's buffer
// has room for all that can be in flight.
func (l *lane) wasReturned(correlation string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		select {
		case returned, open := <-l.returns:
			if open {
				l.unroutable[returned.CorrelationId] = true
				continue
			}
		default:
		}
		break
	}
	found := l.unroutable[correlation]
	delete(l.unroutable, correlation)
	return found
}

// run publishes what is handed over until the session ends.
func (l *lane) run() {
	for {
		select {
		case j := <-l.jobs:
			j.sent <- l.send(j)
		case <-l.session.done:
			return
		}
	}
}

func (l *lane) send(j *job) promise {
	l.sequence++
	j.message.CorrelationId = strconv.FormatUint(l.sequence, 10)
	if l.session.inFlight.Add(1) == 1 {
		l.session.noteProgress() // the wait for confirms begins now
	}
	const mandatory, immediate = true, false
	confirm, err := l.channel.PublishWithDeferredConfirm(exchange, j.key, mandatory, immediate, j.message)
	return promise{confirm: confirm, err: err}
}

func notSent(err error) error { return fmt.Errorf("%w: %w", checkout.ErrUnavailable, err) }
