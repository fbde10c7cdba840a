package redisstore

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var tier = ticketing.TierKey{EventID: "aurora", TierID: "general"}

func TestReadShelf(t *testing.T) {
	t.Parallel()
	catalog := `{"at":"2026-11-23T12:00:00Z","events":[{"id":"aurora","name":"Aurora"}]}`
	for name, tc := range map[string]struct {
		values []any
		stock  map[string]string
		want   storefront.ShelfState
		fails  bool
	}{
		"nothing there": {values: []any{nil, nil, nil}, want: storefront.ShelfState{Stock: map[ticketing.TierKey]int{}}},
		"everything there": {
			values: []any{"e1", catalog, "1"}, stock: map[string]string{"aurora/general": "7"},
			want: storefront.ShelfState{
				Epoch: "e1", ConsumerPaused: true, Stock: map[ticketing.TierKey]int{tier: 7},
				CatalogAt: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
				Events:    []ticketing.Event{{ID: "aurora", Name: "Aurora"}},
			},
		},
		"catalog is no JSON":  {values: []any{"e1", "{", nil}, fails: true},
		"stock is no number":  {values: []any{"e1", nil, nil}, stock: map[string]string{"aurora/general": "few"}, fails: true},
		"stock is fractional": {values: []any{"e1", nil, nil}, stock: map[string]string{"aurora/general": "1.5"}, fails: true},
	} {
		got, err := readShelf(tc.values, tc.stock)
		if (err != nil) != tc.fails {
			t.Errorf("%s: got error %v", name, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" && !tc.fails {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadPending(t *testing.T) {
	t.Parallel()
	got, err := readPending(map[string]string{
		"aurora/general:orders": "2", "aurora/general:tickets": "5", "aurora/general:amount": "22500", "aurora/general:currency": "EUR",
		"boreas/pit:orders": "0", "boreas/pit:tickets": "0", "boreas/pit:amount": "0", "boreas/pit:currency": "EUR",
	})
	want := []report.Pending{{Tier: tier, Orders: 2, Tickets: 5, Revenue: ticketing.Money{Amount: 22500, Currency: "EUR"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := readPending(map[string]string{"aurora/general:orders": "many"}); err == nil {
		t.Error("read a counter that is no number")
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	var told []checkout.Settlement
	settle := func(s []checkout.Settlement) { told = append(told, s...) }
	if err := deliver(`[{"order_id":"a","state":"CONFIRMED"},{"order_id":"b","state":"REFUSED"}]`, settle); err != nil {
		t.Fatal(err)
	}
	want := []checkout.Settlement{{ID: "a", State: ticketing.StateConfirmed}, {ID: "b", State: ticketing.StateRefused}}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := deliver("nonsense", settle); err == nil || len(told) != 2 {
		t.Errorf("got %v and %d settlements, want an error and nothing told", err, len(told))
	}
}

func FuzzReadReserved(f *testing.F) {
	for _, word := range []string{"RESERVED", "KNOWN", "SALE_PAUSED", "SOLD_OUT", ""} {
		f.Add(word, "PENDING", "{}", "")
		f.Add(word, "ACCEPTED", `{"v":1,"order":{"order_id":"x","event_id":"a","tier":"b","quantity":1}}`, "1")
	}
	f.Fuzz(func(t *testing.T, word, second, third, fourth string) {
		outcome, _, err := readReserved([]any{word, second, third, fourth}, ticketing.Order{})
		if err == nil && outcome.Verdict == 0 {
			t.Errorf("%q %q %q %q: neither a verdict nor an error", word, second, third, fourth)
		}
	})
}
