package httpapi

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// FuzzDecodePurchase checks the decoder against encoding/json: what it takes is a JSON
// object in which encoding/json finds the same values.
func FuzzDecodePurchase(f *testing.F) {
	for _, seed := range []string{
		`{"event_id":"aurora","tier":"general","quantity":2,"email":"ada@example.com","name":"Ada","promo_code":"E","locale":"es"}`,
		`{}`, `[]`, ``, ` { } `, `{"quantity":1e2}`, `{"quantity":-0}`, `{"quantity":2.0}`, `{"name":"\ud800"}`, `{"name":"a\\"}`,
		`{"name":{"}":["]"]},"quantity":1}`, `{"quantity":1,"quantity":2}`, `{"Name":"x"}`, `{"na\u006de":"x"}`, "{\"name\":\"\xff\"}", `{"a":1}{`, `null`, `"x"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		d, err := decodePurchase(body)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			var object map[string]json.RawMessage
			if utf8.Valid(body) && json.Unmarshal(body, &object) == nil && object != nil {
				t.Fatalf("%q is an object, and was refused: %v", body, err)
			}
			return
		}
		if len(d.strange) > 0 || len(d.mistyped) > 0 {
			return
		}
		var want struct {
			EventID   string `json:"event_id"`
			TierID    string `json:"tier"`
			Quantity  int    `json:"quantity"`
			Email     string `json:"email"`
			Name      string `json:"name"`
			PromoCode string `json:"promo_code"`
			Locale    string `json:"locale"`
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q was taken, and encoding/json says %v", body, err)
		}
		if diff := cmp.Diff(ticketing.Purchase(want), d.purchase); diff != "" {
			t.Errorf("purchase (-encoding/json +got):\n%s", diff)
		}
	})
}

func BenchmarkDecodePurchase(b *testing.B) {
	body := []byte(`{"event_id":"aurora","tier":"general","quantity":2,"email":"ada@example.com","name":"Ada"}`)
	b.ReportAllocs()
	for b.Loop() {
		if d, err := decodePurchase(body); err != nil || d.purchase.Quantity != 2 {
			b.Fatal(err)
		}
	}
}
