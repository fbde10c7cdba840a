package rabbitmq

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestLettersAreNamed(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		delivery amqp.Delivery
		want     string
	}{
		"by the message id":           {amqp.Delivery{MessageId: "o-1", Body: []byte(`{"order":{"order_id":"o-2"}}`)}, "o-1"},
		"by the order in the body":    {amqp.Delivery{Body: []byte(`{"v":99,"order":{"order_id":"o-2"}}`)}, "o-2"},
		"by it, with a field amiss":   {amqp.Delivery{Body: []byte(`{"v":99,"order":{"order_id":"o-2","quantity":"two"}}`)}, "o-2"},
		"by a digest":                 {amqp.Delivery{Body: []byte("not an order")}, digest([]byte("not an order"))},
		"by a digest, without an id":  {amqp.Delivery{Body: []byte(`{"order":{"order_id":7}}`)}, digest([]byte(`{"order":{"order_id":7}}`))},
		"by a digest, without a body": {amqp.Delivery{}, "sha256-e3b0c44298fc"},
		"whatever the reason's type":  {amqp.Delivery{MessageId: "o-1", Headers: amqp.Table{reasonHeader: int32(7)}}, "o-1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newLetter(tc.delivery); got.ID != tc.want || got.Reason != "" {
				t.Errorf("letter %+v, want id %s", got, tc.want)
			}
		})
	}
}
