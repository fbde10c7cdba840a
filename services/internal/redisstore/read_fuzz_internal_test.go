package redisstore

import (
	"testing"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// FuzzReadShelf: a catalog that another version wrote is read or refused, and what is
// refused is not shown.
func FuzzReadShelf(f *testing.F) {
	f.Add(`{"at":"2026-11-23T12:00:00Z","events":[{"id":"aurora","name":"Aurora"}]}`, "aurora/general", "7")
	f.Add(`{"events":null}`, "", "-1")
	f.Add(`[`, "a/b/c", "1e3")
	f.Fuzz(func(t *testing.T, catalog, tier, seats string) {
		state, err := readShelf([]any{"epoch", catalog, nil}, map[string]string{tier: seats})
		if err != nil {
			return
		}
		if len(state.Stock) != 1 || state.Epoch != "epoch" || state.ConsumerPaused {
			t.Errorf("%q, %q and %q are read as %+v", catalog, tier, seats, state)
		}
	})
}

// FuzzReadPending: counters are numbers or an error; nothing but what is pending is shown.
func FuzzReadPending(f *testing.F) {
	f.Add("aurora/general:orders", "2", "aurora/general:currency", "EUR")
	f.Add("orders", "9223372036854775808", ":", "")
	f.Fuzz(func(t *testing.T, name, value, other, text string) {
		pending, err := readPending(map[string]string{name: value, other: text})
		for _, p := range pending {
			if err != nil || p.Orders <= 0 {
				t.Errorf("%q=%q %q=%q: %+v, %v", name, value, other, text, p, err)
			}
		}
	})
}

// FuzzDeliver: an announcement is delivered whole or not at all.
func FuzzDeliver(f *testing.F) {
	f.Add(`[{"order_id":"a","state":"CONFIRMED"}]`)
	f.Add(`[{"order_id":1}]`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, payload string) {
		calls := 0
		err := deliver(payload, func([]checkout.Settlement) { calls++ })
		if (err == nil) != (calls == 1) {
			t.Errorf("%q: %v after %d calls", payload, err, calls)
		}
	})
}

// FuzzReadRecord: a stored order is what DecodeOrder makes of it, or an error.
func FuzzReadRecord(f *testing.F) {
	f.Add("PENDING", `{"v":1}`, "")
	f.Add("", "{", "epoch-1")
	f.Fuzz(func(t *testing.T, state, payload, mark string) {
		record, err := readRecord(state, payload, mark)
		order, wrong := ticketing.DecodeOrder([]byte(payload))
		order.Cancelled = state == "CANCELLED" || mark != "" && state != "REFUSED"
		if (err == nil) != (wrong == nil) || err == nil && record.Order != order {
			t.Errorf("%q: %+v, %v; want %+v, %v", payload, record, err, order, wrong)
		}
	})
}
