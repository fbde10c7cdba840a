package fulfil_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = fmt.Errorf("%w: connection refused", fulfil.ErrUnavailable)

// epoch is the one in which every order of these tests was reserved.
const epoch = "epoch-1"

// world is a consumer among fakes. It lives in a synctest bubble: time is virtual.
type world struct {
	t *testing.T
	*fulfil.Consumer
	ledger     *ledger
	queue      *queue
	projection *projection
	ready      chan struct{}
	held       atomic.Bool
	registry   *prometheus.Registry
	log        *logBuffer
	end        context.CancelFunc
	ended      chan struct{}
}

// inWorld runs test in a bubble, with a world that is ready and not started, and
// waits for the consumer's end afterwards.
func inWorld(t *testing.T, settings fulfil.Settings, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t:      t,
			ledger: newLedger(), queue: &queue{Broker: memory.NewBroker()}, projection: newProjection(),
			ready: make(chan struct{}), registry: prometheus.NewRegistry(), log: &logBuffer{}, ended: make(chan struct{}),
		}
		if err := w.queue.Admit(t.Context(), epoch); err != nil {
			t.Fatal(err)
		}
		w.Consumer = fulfil.New(fulfil.Deps{
			Ledger: w.ledger, Queue: w.queue, Projection: w.projection, Ready: w.ready, Now: time.Now, Hold: w.held.Load,
			Logger:  slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Metrics: fulfil.NewMetrics(w.registry),
		}, settings)
		test(w)
		if w.end != nil {
			w.stop(t)
		}
	})
}

// start makes the ledger ready, runs the consumer and lets it come to rest.
func (w *world) start(t *testing.T) {
	t.Helper()
	close(w.ready)
	w.run(t)
}

func (w *world) run(t *testing.T) {
	t.Helper()
	var ctx context.Context
	ctx, w.end = context.WithCancel(t.Context())
	go func() {
		defer close(w.ended)
		if err := w.Run(ctx); err != nil {
			t.Errorf("Run returned %v", err)
		}
	}()
	advance(50 * time.Millisecond)
}

// stop ends the consumer and returns how long that took.
func (w *world) stop(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	w.end()
	<-w.ended
	took := time.Since(began)
	if took > w.Grace() {
		t.Errorf("the consumer took %s to end, its grace is %s", took, w.Grace())
	}
	return took
}

// advance lets virtual time pass and everything come to rest.
func advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func makeOrder(n int) ticketing.Order {
	return ticketing.Order{
		ID: orderID(n), EventID: "aurora", TierID: "general", Quantity: 2,
		Buyer: ticketing.Buyer{Email: "ada@example.com", Locale: "es"},
		Total: ticketing.Money{Amount: 9000, Currency: "EUR"}, Node: "pod-1", Epoch: epoch,
	}
}

func orderID(n int) ticketing.OrderID { return ticketing.OrderID(fmt.Sprintf("order-%05d", n)) }

// publish puts orders first to last into the queue.
func (w *world) publish(t *testing.T, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		if err := w.queue.Publish(t.Context(), makeOrder(n)); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
}

func ids(first, last int) []ticketing.OrderID {
	var all []ticketing.OrderID
	for n := first; n <= last; n++ {
		all = append(all, orderID(n))
	}
	return all
}

// left is how many messages the queue has, with a session or not.
func (w *world) left(t *testing.T) int {
	t.Helper()
	depth, _, err := w.queue.State(t.Context())
	if err != nil {
		t.Fatalf("depth: %v", err)
	}
	return depth + w.queue.Unacknowledged()
}

// ledger is a book that fails as it is told to.
type ledger struct {
	mu       sync.Mutex
	states   map[ticketing.OrderID]ticketing.State
	refused  map[ticketing.OrderID]bool
	commits  []int
	pings    []time.Time
	err      error // every call fails before doing anything
	lose     error // commits are done and then fail
	pingOnly bool  // Ping succeeds whatever err says
	reject   func(o ticketing.Order) error
	onCommit func(ctx context.Context)
	mute     int // how many orders Commit does not mention
}

func newLedger() *ledger {
	return &ledger{states: map[ticketing.OrderID]ticketing.State{}, refused: map[ticketing.OrderID]bool{}}
}

// set changes the ledger's behaviour under its lock.
func (l *ledger) set(change func(l *ledger)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

func (l *ledger) Commit(ctx context.Context, orders []ticketing.Order) ([]fulfil.Settlement, error) {
	l.mu.Lock()
	hook := l.onCommit
	l.mu.Unlock()
	if hook != nil {
		hook(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits = append(l.commits, len(orders))
	if l.err != nil {
		return nil, l.err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w: %w", fulfil.ErrUnavailable, ctx.Err())
	}
	for _, o := range orders {
		if l.reject == nil {
			break
		}
		if err := l.reject(o); err != nil {
			return nil, err
		}
	}
	settled := l.writeLocked(orders)
	return settled[:len(settled)-l.mute], l.lose
}

func (l *ledger) writeLocked(orders []ticketing.Order) []fulfil.Settlement {
	var settled []fulfil.Settlement
	for _, o := range orders {
		was := l.states[o.ID]
		state := was
		switch {
		case o.Cancelled && was != ticketing.StateRefused:
			state = ticketing.StateCancelled
		case was != "":
		case l.refused[o.ID]:
			state = ticketing.StateRefused
		default:
			state = ticketing.StateConfirmed
		}
		l.states[o.ID] = state
		settled = append(settled, fulfil.Settlement{Order: o, State: state, New: state != was})
	}
	return settled
}

func (l *ledger) Ping(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pings = append(l.pings, time.Now())
	if l.pingOnly {
		return nil
	}
	return l.err
}

func (l *ledger) rows() []ticketing.OrderID {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []ticketing.OrderID
	for id := range l.states {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// queue is the memory broker that notes the windows it was asked for.
type queue struct {
	*memory.Broker
	mu         sync.Mutex
	prefetches []int
}

func (q *queue) Consume(ctx context.Context, prefetch int) (fulfil.Session, error) {
	q.mu.Lock()
	q.prefetches = append(q.prefetches, prefetch)
	q.mu.Unlock()
	return q.Broker.Consume(ctx, prefetch)
}

// projection is an arbiter that only notes what it is told.
type projection struct {
	mu      sync.Mutex
	err     error
	calls   int
	settled []ticketing.OrderID
	states  map[ticketing.OrderID][]ticketing.State
	paused  []bool
}

func newProjection() *projection {
	return &projection{states: map[ticketing.OrderID][]ticketing.State{}}
}

func (p *projection) Settle(_ context.Context, settlements []fulfil.Settlement) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.err != nil {
		return p.err
	}
	for _, s := range settlements {
		p.settled = append(p.settled, s.Order.ID)
		p.states[s.Order.ID] = append(p.states[s.Order.ID], s.State)
	}
	return nil
}

func (p *projection) SetPaused(_ context.Context, paused bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.err != nil {
		return p.err
	}
	p.paused = append(p.paused, paused)
	return nil
}

func (p *projection) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// known returns the settled ids, sorted, with repetitions.
func (p *projection) known() []ticketing.OrderID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(slices.Values(p.settled))
}

// announced returns what was announced, without repetitions in a row.
func (p *projection) announced() []bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Compact(slices.Clone(p.paused))
}

// logBuffer keeps log lines.
type logBuffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

// orders returns the order ids of the lines with the message, at any level, sorted.
func (b *logBuffer) orders(message string) []ticketing.OrderID {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []ticketing.OrderID
	for line := range strings.Lines(b.bytes.String()) {
		var entry struct {
			Msg     string
			OrderID ticketing.OrderID
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == message {
			all = append(all, entry.OrderID)
		}
	}
	slices.Sort(all)
	return all
}

// successes are the orders that the log calls written.
func (b *logBuffer) successes() []ticketing.OrderID { return b.orders("CONSUMER SUCCESS") }

var errBroken = errors.New("broken")
