package httpapi_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var update = flag.Bool("update", false, "rewrite the golden answers")

// TestContract compares each kind of answer with a golden one, headers and all.
func TestContract(t *testing.T) {
	t.Parallel()
	fails := func(code ticketing.Code, retry time.Duration) func(*fixture) {
		return func(f *fixture) {
			f.shop.record = checkout.Record{Order: ticketing.Order{ID: orderID}}
			f.shop.err = fmt.Errorf("buy: %w", &ticketing.Error{Code: code, Message: "why", RetryAfter: retry})
		}
	}
	answers := func(state ticketing.State) func(*fixture) {
		return func(f *fixture) { f.shop.record = record(state) }
	}
	many := `{"event_id":7,"tier":["x"],"quantity":"two","email":null,"name":{"a":"}"},"promo_code":true,"locale":"fr"}`
	cases := map[string]struct {
		change func(*fixture)
		send   request
	}{
		"201-confirmed":              {nil, post(good)},
		"202-accepted":               {answers(ticketing.StateAccepted), post(good)},
		"202-pending":                {answers(ticketing.StatePending), post(good, "Prefer", "respond-async")},
		"200-cancelled-replay":       {answers(ticketing.StateCancelled), post(good)},
		"409-refused-replay":         {answers(ticketing.StateRefused), post(good)},
		"400-not-json":               {nil, post(`{"event_id":`)},
		"400-empty":                  {nil, post("")},
		"400-array":                  {nil, post(`[1,2]`)},
		"400-two-documents":          {nil, post(good + good)},
		"400-not-utf8":               {nil, post("{\"name\":\"\xff\"}")},
		"400-unknown-fields":         {nil, post(`{"event_id":"aurora","price":1,"Tier":"vip","quantity":0,"user\u005fid":"x"}`)},
		"400-field-twice":            {nil, post(`{"quantity":1,"quantity":9,"event_id":"aurora","tier":"vip","email":"a@b.example"}`)},
		"413-too-large":              {nil, post(`{"name":"` + strings.Repeat("a", 16<<10) + `"}`)},
		"415-no-content-type":        {nil, post(good, "Content-Type", "")},
		"415-form":                   {nil, post(good, "Content-Type", "application/x-www-form-urlencoded")},
		"422-every-wrong-field":      {nil, post(many, "Idempotency-Key", "a\x7f")},
		"422-types-and-values":       {nil, post(`{"event_id":"aurora","tier":"general","quantity":1.5,"email":"ada"}`)},
		"422-invalid":                {invalid, post(good)},
		"422-key-reused":             {fails(ticketing.CodeKeyReused, 0), post(good)},
		"404-unknown-event":          {fails(ticketing.CodeUnknownEvent, 0), post(good)},
		"404-unknown-tier":           {fails(ticketing.CodeUnknownTier, 0), post(good)},
		"409-sold-out":               {fails(ticketing.CodeSoldOut, 0), post(good)},
		"409-limit-exceeded":         {fails(ticketing.CodeLimitExceeded, 0), post(good)},
		"409-sale-closed":            {fails(ticketing.CodeSaleClosed, 0), post(good)},
		"503-full":                   {func(f *fixture) { f.deps.MaxInFlight = 0 }, post(good)},
		"503-overloaded":             {fails(ticketing.CodeOverloaded, time.Second), post(good)},
		"503-store-unavailable":      {fails(ticketing.CodeStoreUnavailable, time.Second), post(good)},
		"503-sale-paused":            {fails(ticketing.CodeSalePaused, 1500*time.Millisecond), post(good)},
		"503-outcome-unknown":        {fails(ticketing.CodeOutcomeUnknown, time.Second), post(good)},
		"500-internal":               {func(f *fixture) { f.shop.err = errors.New("password=hunter2") }, post(good)},
		"500-code-without-a-meaning": {fails("NEW_CODE", 0), post(good)},
		"500-panic":                  {func(f *fixture) { f.shop.panics = "boom" }, post(good)},
		"404-no-such-path":           {nil, get("/admin")},
		"404-trailing-slash":         {nil, get("/events/")},
		"405-method":                 {nil, get("/purchase")},
		"200-index":                  {nil, get("/")},
		"200-events":                 {nil, get("/events")},
		"200-event":                  {nil, get("/events/aurora")},
		"404-event":                  {nil, get("/events/borealis")},
		"503-events-not-known":       {func(f *fixture) { f.front.snapshot = storefront.NewSnapshot(nil, nil) }, get("/events")},
		"200-order-confirmed":        {nil, get("/orders/" + string(orderID))},
		"200-order-first-form":       {func(f *fixture) { f.shop.record.Order.Price = ticketing.Price{} }, get("/orders/" + string(orderID))},
		"200-order-pending":          {answers(ticketing.StatePending), get("/orders/" + string(orderID))},
		"200-order-refused":          {answers(ticketing.StateRefused), get("/orders/" + string(orderID))},
		"404-order":                  {fails(ticketing.CodeUnknownOrder, 0), get("/orders/" + string(orderID))},
		"404-order-not-an-id":        {nil, get("/orders/{3d3bd863-f5f4-83ba-b4d5-2123377c6955}")},
		"503-order":                  {fails(ticketing.CodeStoreUnavailable, time.Second), get("/orders/" + string(orderID))},
		"200-cancelled":              {answers(ticketing.StateCancelled), cancel(goodCancel)},
		"200-order-cancelled":        {answers(ticketing.StateCancelled), get("/orders/" + string(orderID))},
		"202-cancelled":              {answers(ticketing.StateAccepted), cancel(goodCancel, "Prefer", "respond-async")},
		"400-cancel-unknown-field":   {nil, cancel(`{"email":"ada","reason":"ill"}`)},
		"400-cancel-not-json":        {nil, cancel("email=ada@example.com")},
		"404-cancel":                 {fails(ticketing.CodeUnknownOrder, 0), cancel(goodCancel)},
		"405-cancel":                 {nil, get("/orders/" + string(orderID) + "/cancel")},
		"409-not-cancellable":        {fails(ticketing.CodeNotCancellable, 0), cancel(goodCancel)},
		"413-cancel-too-large":       {nil, cancel(`{"email":"` + strings.Repeat("a", 16<<10) + `"}`)},
		"415-cancel-form":            {nil, cancel(goodCancel, "Content-Type", "application/x-www-form-urlencoded")},
		"422-cancel-no-email":        {nil, cancel(`{}`)},
		"422-cancel-email":           {nil, cancel(`{"email":"ada"}`)},
		"422-cancel-type":            {nil, cancel(`{"email":7}`)},
		"503-cancel-store":           {fails(ticketing.CodeStoreUnavailable, time.Second), cancel(goodCancel)},
		"503-cancel-unknown-outcome": {fails(ticketing.CodeOutcomeUnknown, time.Second), cancel(goodCancel)},
		"200-receipt-keys":           {nil, get("/.well-known/eventflow-receipts")},
		"200-health":                 {statusOf, get("/health")},
		"200-livez":                  {nil, get("/livez")},
		"503-readyz":                 {nil, get("/readyz")},
		"200-readyz":                 {func(f *fixture) { f.deps.Health.SetReady() }, get("/readyz")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, tc.change)
			compare(t, name, render(f.do(t, tc.send)))
		})
	}
}

func invalid(f *fixture) {
	f.shop.err = &ticketing.Error{
		Code: ticketing.CodeInvalid, Message: "the purchase is not valid",
		Fields: []ticketing.FieldError{{Field: "quantity", Reason: "must be at most 4 for this tier"}, {Field: "email", Reason: "must be an e-mail address"}},
	}
}

func statusOf(f *fixture) {
	f.front.status = storefront.Status{
		Mode: storefront.Async, Accepting: true,
		Postgres: storefront.StoreState{Since: noon.Add(-time.Minute)},
		Redis:    storefront.StoreState{Up: true, Since: noon.Add(-time.Hour)},
		RabbitMQ: storefront.StoreState{Up: true, Since: noon.Add(-2 * time.Hour)},
	}
}

// render writes an answer as it goes over the wire, with its headers in order.
func render(w *httptest.ResponseRecorder) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s\n", w.Code, http.StatusText(w.Code))
	_ = w.Header().WriteSubset(&b, nil)
	return strings.ReplaceAll(b.String(), "\r\n", "\n") + "\n" + w.Body.String()
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".http")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}
