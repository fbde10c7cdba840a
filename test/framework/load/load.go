// Package load sends purchases, and cancels some of them, at a given rate, open loop: each at its intended moment,
// whether or not the ones before have been answered, so that a slow system cannot slow
// its own measurement down (no coordinated omission). It records what every client was
// told, for the checker. It must not know what is behind the API.
package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/boxoffice"
)

// maxMoment bounds the moment between a purchase and its cancellation.
const maxMoment = 500 * time.Millisecond

// Options say what to send.
type Options struct {
	// Rate is purchases a second.
	Rate float64
	// Seed makes a run's quantities, choices and retries the same again.
	Seed uint64
	// Prefix is the beginning of every buyer's name and key, unique to the run.
	Prefix string
	// EventID and Tiers are what is bought, at random.
	EventID string
	Tiers   []string
	// MaxQuantity is the greatest quantity of one purchase.
	MaxQuantity int
	// Retries is how often a client whose outcome is unknown, or who was told to come
	// back, asks again with the same key.
	Retries int
	// CancelShare is which share of the clients cancels what it was promised, a moment
	// later: 0 is none, 1 is all.
	CancelShare float64
	// Siblings are other ways to the same box office: retries go to them in turn. Where
	// there are none, a retry goes where the first request went.
	Siblings []*boxoffice.Client
	// MaxInFlight bounds the clients that are under way; more are not sent, and counted.
	MaxInFlight int
}

// Load is a run. Start begins it, Stop ends it and returns what the clients saw.
type Load struct {
	options Options
	client  *boxoffice.Client

	cancel  context.CancelFunc
	clients sync.WaitGroup
	slots   chan struct{}

	mu         sync.Mutex
	operations []history.Operation
	skipped    int
}

// Start begins to send.
func Start(ctx context.Context, client *boxoffice.Client, options Options) *Load {
	ctx, cancel := context.WithCancel(ctx)
	l := &Load{options: options, client: client, cancel: cancel, slots: make(chan struct{}, options.MaxInFlight)}
	l.clients.Go(func() { l.send(ctx) })
	return l
}

// Stop ends the sending, waits for the answers that are outstanding, and returns every
// operation and how many purchases were not sent because too many were under way.
func (l *Load) Stop() (operations []history.Operation, skipped int) {
	l.cancel()
	l.clients.Wait()
	return l.operations, l.skipped
}

// Seen returns the operations recorded so far.
func (l *Load) Seen() []history.Operation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]history.Operation(nil), l.operations...)
}

func (l *Load) send(ctx context.Context) {
	random := rand.New(rand.NewPCG(l.options.Seed, 0))
	interval := time.Duration(float64(time.Second) / l.options.Rate)
	next := time.Now()
	for n := 0; ; n++ {
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		purchase := boxoffice.Purchase{
			EventID:  l.options.EventID,
			Tier:     l.options.Tiers[random.IntN(len(l.options.Tiers))],
			Quantity: 1 + random.IntN(l.options.MaxQuantity),
			Email:    fmt.Sprintf("%s-%d@example.com", l.options.Prefix, n),
			Key:      fmt.Sprintf("%s-%d", l.options.Prefix, n),
		}
		cancels := random.Float64() < l.options.CancelShare
		moment := time.Duration(random.Int64N(int64(maxMoment)))
		select {
		case l.slots <- struct{}{}:
			intended := next
			// The clients outlive the sending: what was asked gets its answer.
			l.clients.Go(func() {
				defer func() { <-l.slots }()
				bought := l.buy(context.WithoutCancel(ctx), purchase, intended)
				if cancels && bought.Answer.Acknowledged() {
					pause(moment)
					l.giveBack(context.WithoutCancel(ctx), bought)
				}
			})
		default:
			l.mu.Lock()
			l.skipped++
			l.mu.Unlock()
		}
		next = next.Add(interval)
	}
}

// buy is one client: it asks, and asks again with the same key where it is told to or
// cannot know. It returns the last answer.
func (l *Load) buy(ctx context.Context, p boxoffice.Purchase, intended time.Time) history.Operation {
	return l.persist(intended, func(client *boxoffice.Client, intended time.Time) history.Operation {
		return ask(ctx, client, p, intended)
	})
}

// giveBack cancels what a client has bought, in the same way.
func (l *Load) giveBack(ctx context.Context, bought history.Operation) {
	l.persist(time.Now(), func(client *boxoffice.Client, intended time.Time) history.Operation {
		operation := history.Operation{
			Action: history.Cancel, Buyer: bought.Buyer, EventID: bought.EventID, TierID: bought.TierID,
			Quantity: bought.Quantity, Invoked: intended, Answer: history.Unknown,
		}
		answer, err := client.Cancel(ctx, bought.OrderID, bought.Buyer)
		conclude(&operation, answer, err)
		operation.OrderID = bought.OrderID
		return operation
	})
}

// persist records what a client does until it is answered, or has tried often enough.
func (l *Load) persist(intended time.Time, ask func(client *boxoffice.Client, intended time.Time) history.Operation) history.Operation {
	client := l.client
	for try := 0; ; try++ {
		operation := ask(client, intended)
		l.mu.Lock()
		l.operations = append(l.operations, operation)
		l.mu.Unlock()
		if operation.Answer != history.Unknown || try == l.options.Retries {
			return operation
		}
		if n := len(l.options.Siblings); n > 0 {
			client = l.options.Siblings[try%n]
		}
		pause(time.Duration(try+1) * 500 * time.Millisecond)
		intended = time.Now()
	}
}

func pause(d time.Duration) { <-time.After(d) }

func ask(ctx context.Context, client *boxoffice.Client, p boxoffice.Purchase, intended time.Time) history.Operation {
	operation := history.Operation{
		Buyer: p.Email, EventID: p.EventID, TierID: p.Tier, Quantity: p.Quantity, Invoked: intended, Answer: history.Unknown,
	}
	answer, err := client.Buy(ctx, p)
	conclude(&operation, answer, err)
	return operation
}

// conclude completes the operation with its answer.
func conclude(operation *history.Operation, answer boxoffice.Answer[boxoffice.Order], err error) {
	operation.Completed = time.Now()
	if answer.Status == 0 {
		operation.Code = fmt.Sprintf("no answer: %v", err)
		return
	}
	operation.Code = fmt.Sprintf("%d %s", answer.Status, answer.Body.Code)
	operation.OrderID = answer.Body.OrderID
	operation.Node = answer.Node()
	operation.Answer = Conclude(answer.Status, answer.Body)
}

// Conclude says what a client may conclude from an answer, by the HTTP contract.
func Conclude(status int, order boxoffice.Order) history.Answer {
	switch {
	case status == http.StatusCreated,
		status == http.StatusOK && (order.State() == "CONFIRMED" || order.State() == "CANCELLED"):
		return history.Confirmed
	case status == http.StatusAccepted:
		return history.Accepted
	case order.Code == "OUTCOME_UNKNOWN", order.Code == "", status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		return history.Unknown // no problem document: some proxy spoke, not the box office
	default:
		return history.Refused
	}
}
