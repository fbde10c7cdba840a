//go:build integration

package rabbitmq_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// parkAll publishes the orders and parks every one of them as a consumer would.
func parkAll(t *testing.T, address string, orders ...ticketing.Order) {
	t.Helper()
	must(t, rabbitmq.NewQueue(address, rabbitmq.Options{}).Admit(t.Context(), newOrder().Epoch))
	publisher := openPublisher(t, address)
	for _, order := range orders {
		if _, err := publish(t, publisher, order); err != nil {
			t.Fatal(err)
		}
	}
	session, err := rabbitmq.NewQueue(address, rabbitmq.Options{}).Consume(t.Context(), 10)
	must(t, err)
	defer func() { must(t, session.Close(t.Context())) }()
	for range orders {
		d := <-session.Deliveries()
		must(t, session.Park(t.Context(), d, "the ledger was never to have it"))
		must(t, session.AckUpTo(d.Tag))
	}
}

// look visits the letters and keeps them.
func look(t *testing.T, letters *rabbitmq.DeadLetters, limit int) ([]rabbitmq.Letter, rabbitmq.Tally) {
	t.Helper()
	var seen []rabbitmq.Letter
	tally, err := letters.Visit(t.Context(), limit, func(l rabbitmq.Letter) (rabbitmq.Fate, error) {
		seen = append(seen, l)
		return rabbitmq.Keep, nil
	})
	must(t, err)
	return seen, tally
}

// awaitLetters waits until the broker has as many letters to give: what a connection
// held comes back once the broker has noticed that it is gone.
func awaitLetters(t *testing.T, letters *rabbitmq.DeadLetters, want int) {
	t.Helper()
	eventually(t, "the letters are back", func() bool {
		_, tally := look(t, letters, 0)
		return tally.Waiting == want
	})
}

func TestLookingAtDeadLettersKeepsThem(t *testing.T) {
	t.Parallel()
	address := shared.NewVirtualHost()
	letters := rabbitmq.NewDeadLetters(address, rabbitmq.Options{})
	if seen, tally := look(t, letters, 10); len(seen) > 0 || tally != (rabbitmq.Tally{}) {
		t.Errorf("a broker without letters has %v, %+v", seen, tally)
	}
	orders := []ticketing.Order{newOrder(), newOrder(), newOrder()}
	before := time.Now().Add(-time.Second)
	parkAll(t, address, orders...)
	// Far more often than the twenty deliveries after which a quorum queue drops a message by default.
	for range 25 {
		awaitLetters(t, letters, len(orders))
		seen, tally := look(t, letters, 2)
		if diff := cmp.Diff(rabbitmq.Tally{Waiting: 3, Seen: 2}, tally); diff != "" || len(seen) != 2 {
			t.Fatalf("%d letters, tally (-want +got):\n%s", len(seen), diff)
		}
	}
	awaitLetters(t, letters, len(orders))
	seen, _ := look(t, letters, 10)
	for i, letter := range seen {
		order, err := ticketing.DecodeOrder(letter.Body)
		if err != nil || order.ID != orders[i].ID || letter.ID != string(order.ID) {
			t.Errorf("letter %d is %s with %s, %v; want order %s", i, letter.ID, letter.Body, err, orders[i].ID)
		}
		if letter.Reason != "the ledger was never to have it" || letter.ParkedAt.Before(before) {
			t.Errorf("letter %d: reason %q, parked at %s", i, letter.Reason, letter.ParkedAt)
		}
	}
}

func TestRedriveAndDiscard(t *testing.T) {
	t.Parallel()
	address := shared.NewVirtualHost()
	letters := rabbitmq.NewDeadLetters(address, rabbitmq.Options{})
	kept, again, gone := newOrder(), newOrder(), newOrder()
	parkAll(t, address, kept, again, gone)
	fates := map[string]rabbitmq.Fate{string(again.ID): rabbitmq.Redrive, string(gone.ID): rabbitmq.Discard}
	tally, err := letters.Visit(t.Context(), 10, func(l rabbitmq.Letter) (rabbitmq.Fate, error) { return fates[l.ID], nil })
	must(t, err)
	if diff := cmp.Diff(rabbitmq.Tally{Waiting: 3, Seen: 3, Redriven: 1, Discarded: 1}, tally); diff != "" {
		t.Errorf("tally (-want +got):\n%s", diff)
	}
	if seen := consumeAll(t, address, 1); seen[again.ID] != 1 {
		t.Errorf("the purchase queue has %v, want order %s", seen, again.ID)
	}
	awaitLetters(t, letters, 1)
	if seen, _ := look(t, letters, 10); len(seen) != 1 || seen[0].ID != string(kept.ID) {
		t.Errorf("left are %v, want %s", seen, kept.ID)
	}
}

// TestNoLetterIsLostBetweenPublishAndAcknowledgement takes the connection that holds a letter away
// before it can be acknowledged, as the death of the process would.
func TestNoLetterIsLostBetweenPublishAndAcknowledgement(t *testing.T) {
	t.Parallel()
	address := shared.NewVirtualHost()
	parsed, err := url.Parse(address)
	must(t, err)
	letters := rabbitmq.NewDeadLetters(address, rabbitmq.Options{})
	order := newOrder()
	parkAll(t, address, order)
	_, err = letters.Visit(t.Context(), 10, func(rabbitmq.Letter) (rabbitmq.Fate, error) {
		_, err := shared.Exec(t.Context(), "rabbitmqctl", "close_all_connections",
			"--vhost", strings.TrimPrefix(parsed.Path, "/"), "test")
		return rabbitmq.Redrive, err
	})
	if err == nil {
		t.Error("Visit hides that the letter may still be there")
	}
	if seen := consumeAll(t, address, 1); seen[order.ID] != 1 {
		t.Errorf("the purchase queue has %v, want order %s", seen, order.ID)
	}
	awaitLetters(t, letters, 1)
}

func TestALetterStaysWhereItCannotBeRedriven(t *testing.T) {
	t.Parallel()
	address := shared.NewVirtualHost()
	letters := rabbitmq.NewDeadLetters(address, rabbitmq.Options{})
	parkAll(t, address, newOrder(), newOrder())
	channel := openChannel(t, address)
	tally, err := letters.Visit(t.Context(), 10, func(rabbitmq.Letter) (rabbitmq.Fate, error) { return rabbitmq.Keep, errors.New("disk full") })
	if err == nil || tally.Seen != 1 {
		t.Errorf("Visit = %+v, %v; want the error of the first letter", tally, err)
	}
	awaitLetters(t, letters, 2)
	opened := false
	tally, err = letters.Visit(t.Context(), 10, func(rabbitmq.Letter) (rabbitmq.Fate, error) {
		if opened { // the publishing connection stands, and declares nothing any more
			_, err := channel.QueueDelete("purchases", false, false, false)
			must(t, err)
		}
		opened = true
		return rabbitmq.Redrive, nil
	})
	if err == nil || tally.Redriven != 1 {
		t.Errorf("Visit = %+v, %v; want the second letter to be unroutable", tally, err)
	}
	awaitLetters(t, letters, 1)
}
