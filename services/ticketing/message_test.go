package ticketing_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func placed() ticketing.Order {
	return ticketing.Order{
		ID: "0198c5f0-0000-8000-8000-000000000001", EventID: "aurora", TierID: "general", Quantity: 2,
		Buyer:     ticketing.Buyer{Email: "ada@example.com", Name: "Ada", Locale: "es"},
		PromoCode: "EARLY", Total: ticketing.Money{Amount: 8700, Currency: "EUR"},
		Price:    ticketing.Price{Subtotal: 9000, Discount: 900, Fee: 400, Tax: 200, Total: 8700, Currency: "EUR"},
		PlacedAt: noon, Node: "purchase-0",
	}
}

// TestJSONFormat is the JSON format of the message between the services: it may grow, and
// what is in it keeps its name and its meaning.
func TestJSONFormat(t *testing.T) {
	t.Parallel()
	got, err := ticketing.EncodeOrder(placed())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"order":{"order_id":"0198c5f0-0000-8000-8000-000000000001","event_id":"aurora","tier":"general",` +
		`"quantity":2,"buyer":{"email":"ada@example.com","name":"Ada","locale":"es"},"promo_code":"EARLY",` +
		`"total":{"amount":8700,"currency":"EUR"},` +
		`"price":{"subtotal":9000,"discount":900,"fee":400,"tax":200,"total":8700,"currency":"EUR"},"placed_at":"2026-11-23T12:00:00Z","node":"purchase-0"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	back, err := ticketing.DecodeOrder(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(placed(), back); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

// TestCancellationFormat: a consumer that knows version 1 only must not take it for an order.
func TestCancellationFormat(t *testing.T) {
	t.Parallel()
	order := placed()
	plain, err := ticketing.EncodeOrder(order)
	if err != nil {
		t.Fatal(err)
	}
	order.Cancelled = true
	got, err := ticketing.EncodeOrder(order)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(string(plain), `{"v":1,`, `{"v":2,"kind":"cancel",`, 1)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	back, err := ticketing.DecodeOrder(got)
	if diff := cmp.Diff(order, back); diff != "" || err != nil {
		t.Errorf("round trip: %v (-want +got):\n%s", err, diff)
	}
	named, err := ticketing.DecodeOrder([]byte(strings.Replace(string(plain), `{"v":1,`, `{"v":2,"kind":"order",`, 1)))
	if diff := cmp.Diff(placed(), named); diff != "" || err != nil {
		t.Errorf("an order that says that it is one: %v (-want +got):\n%s", err, diff)
	}
}

func TestDecodeOrderRefusesPoison(t *testing.T) {
	t.Parallel()
	without := func(change func(*ticketing.Order)) string {
		o := placed()
		change(&o)
		body, err := ticketing.EncodeOrder(o)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	cases := map[string]string{
		"nothing":            "",
		"not JSON":           "hello",
		"another document":   "[]",
		"cut":                `{"v":1,"order":{"order_id":"x"`,
		"two documents":      without(func(*ticketing.Order) {}) + "{}",
		"later version":      `{"v":3,"order":{}}`,
		"unknown kind":       strings.Replace(without(func(o *ticketing.Order) { o.Cancelled = true }), "cancel", "refund", 1),
		"cancel of nothing":  `{"v":2,"kind":"cancel","order":{}}`,
		"no version":         `{"order":{}}`,
		"no id":              without(func(o *ticketing.Order) { o.ID = "" }),
		"no event":           without(func(o *ticketing.Order) { o.EventID = "" }),
		"impossible tier":    without(func(o *ticketing.Order) { o.TierID = "VIP!" }),
		"no seats":           without(func(o *ticketing.Order) { o.Quantity = 0 }),
		"negative total":     without(func(o *ticketing.Order) { o.Total.Amount = -1 }),
		"negative fee":       without(func(o *ticketing.Order) { o.Price.Fee = -1 }),
		"quantity as string": `{"v":1,"order":{"order_id":"x","event_id":"a","tier":"b","quantity":"2"}}`,
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if o, err := ticketing.DecodeOrder([]byte(body)); !errors.Is(err, ticketing.ErrPoison) {
				t.Errorf("DecodeOrder = %v, %v; want ErrPoison", o, err)
			}
		})
	}
}

func TestDecodeOrderPassesOverWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	body := `{"v":1,"sent":"now","order":{"order_id":"x","event_id":"a","tier":"b","quantity":1,"seat":"F12"}}`
	if _, err := ticketing.DecodeOrder([]byte(body)); err != nil {
		t.Errorf("DecodeOrder = %v: a field added later must not stop an older consumer", err)
	}
}

// TestDecodeOrderReadsTheFirstForm: orders were on their way before prices were broken down.
func TestDecodeOrderReadsTheFirstForm(t *testing.T) {
	t.Parallel()
	want := placed()
	want.Price = ticketing.Price{}
	first := `{"v":1,"order":{"order_id":"0198c5f0-0000-8000-8000-000000000001","event_id":"aurora","tier":"general",` +
		`"quantity":2,"buyer":{"email":"ada@example.com","name":"Ada","locale":"es"},"promo_code":"EARLY",` +
		`"total":{"amount":8700,"currency":"EUR"},"placed_at":"2026-11-23T12:00:00Z","node":"purchase-0"}}`
	got, err := ticketing.DecodeOrder([]byte(first))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	again, err := ticketing.EncodeOrder(got)
	if err != nil || string(again) != first {
		t.Errorf("encoded again: %s, %v; want it as it was", again, err)
	}
}

func FuzzDecodeOrder(f *testing.F) {
	good, err := ticketing.EncodeOrder(placed())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"v":1,"order":{"order_id":"x","event_id":"a","tier":"b","quantity":1}}`))
	f.Add([]byte(`{"v":2,"kind":"cancel","order":{"order_id":"x","event_id":"a","tier":"b","quantity":1}}`))
	f.Add([]byte(`{"v":3}`))
	f.Add([]byte(`{"V":1,"order":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := ticketing.DecodeOrder(body)
		if err != nil {
			if !errors.Is(err, ticketing.ErrPoison) {
				t.Errorf("error %v is not ErrPoison", err)
			}
			return
		}
		if !json.Valid(body) || o.ID == "" || o.Quantity < 1 || o.Total.Amount < 0 {
			t.Fatalf("took %q as %+v", body, o)
		}
		again, err := ticketing.EncodeOrder(o)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		back, err := ticketing.DecodeOrder(again)
		if err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
		if diff := cmp.Diff(o, back); diff != "" {
			t.Errorf("round trip (-want +got):\n%s", diff)
		}
	})
}
