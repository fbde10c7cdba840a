package fulfil_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// The queue parser: what can be read is written, what cannot is parked, everything is acknowledged in order.
func TestQueueParser(t *testing.T) {
	t.Parallel()
	good, err := ticketing.EncodeOrder(makeOrder(1))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		body string
		want string // what the dead letter's reason names; "" for a message that is written
	}{
		"an order":             {body: string(good)},
		"not JSON":             {body: "hello", want: "invalid character"},
		"empty":                {body: "", want: "unexpected end of JSON input"},
		"null":                 {body: "null", want: "version 0"},
		"an unknown version":   {body: strings.Replace(string(good), `"v":1`, `"v":99`, 1), want: "version 99"},
		"no order id":          {body: `{"v":1,"order":{"event_id":"aurora","tier":"general","quantity":1}}`, want: "incomplete"},
		"no seats":             {body: strings.Replace(string(good), `"quantity":2`, `"quantity":0`, 1), want: "incomplete"},
		"a fraction of a seat": {body: strings.Replace(string(good), `"quantity":2`, `"quantity":1.5`, 1), want: "cannot unmarshal"},
		"cut off":              {body: string(good[:len(good)/2]), want: "unexpected end of JSON input"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, fulfil.Settings{}, func(w *world) {
				t := w.t
				w.queue.PublishRaw([]byte(tc.body))
				w.publish(t, 2, 2)
				w.start(t)
				want := ids(2, 2)
				var parked []string
				if tc.want == "" {
					want = ids(1, 2)
				} else {
					parked = []string{tc.body}
				}
				if diff := cmp.Diff(want, w.log.successes()); diff != "" {
					t.Errorf("CONSUMER SUCCESS lines (-want +got):\n%s", diff)
				}
				var got []string
				for _, d := range w.queue.DeadLetters() {
					got = append(got, string(d.Body))
					if !strings.Contains(d.Reason, tc.want) {
						t.Errorf("reason %q does not name %q", d.Reason, tc.want)
					}
				}
				if diff := cmp.Diff(parked, got); diff != "" {
					t.Errorf("parked (-want +got):\n%s", diff)
				}
				if left := w.left(t); left != 0 {
					t.Errorf("%d messages are left", left)
				}
			})
		})
	}
}

// A poison message that cannot be parked stays in the queue, and so does what came after it.
func TestQueueParserKeepsPoisonThatCannotBeParked(t *testing.T) {
	t.Parallel()
	inWorld(t, fulfil.Settings{}, func(w *world) {
		t := w.t
		w.ledger.onCommit = func(context.Context) {
			if len(w.ledger.commits) == 0 {
				w.queue.Fail(errBroken)
			}
		}
		w.publish(t, 1, 2)
		w.queue.PublishRaw([]byte("poison"))
		w.publish(t, 3, 4)
		w.start(t)
		advance(time.Minute)
		w.queue.Fail(nil)
		if left := w.left(t); left != 3 {
			t.Errorf("the queue has %d messages, want the poison and the two after it", left)
		}
		advance(2100 * time.Millisecond)
		w.settledOnce(t, 1, 4)
		if dead := w.queue.DeadLetters(); len(dead) != 1 {
			t.Errorf("%d messages were parked, want 1: %s", len(dead), dead)
		}
	})
}
