package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/receipt"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestPurchaseReachesTheShopAsItWasSent(t *testing.T) {
	t.Parallel()
	full := ticketing.Purchase{
		EventID: "aurora", TierID: "general", Quantity: 2, Email: "ada@example.com", Name: "Ada", PromoCode: "EARLY", Locale: "es",
	}
	cases := map[string]struct {
		body string
		want ticketing.Purchase
	}{
		"all fields":      {good, full},
		"space around":    {" \r\n\t" + strings.ReplaceAll(good, ",", " ,\n ") + "\n", full},
		"escapes":         {`{"event\u005fid":"aurora","name":"\u00c1da \"\\\/ \ud83d\ude00"}`, ticketing.Purchase{EventID: "aurora", Name: `Áda "\/ 😀`}},
		"text of its own": {`{"name":"}, \"quantity\": 9 {[","quantity":1}`, ticketing.Purchase{Name: `}, "quantity": 9 {[`, Quantity: 1}},
		"nothing":         {`{}`, ticketing.Purchase{}},
		"a lone zero":     {`{"quantity":0}`, ticketing.Purchase{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, nil)
			w := f.do(t, post(tc.body))
			if w.Code != http.StatusCreated {
				t.Fatalf("answer %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(tc.want, f.shop.bought); diff != "" {
				t.Errorf("purchase (-want +got):\n%s", diff)
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	cases := map[string]int{
		"application/json": 201, "Application/JSON": 201, "application/json; charset=utf-8": 201, `application/json;charset="UTF-8"`: 201,
		"application/json; charset=latin1": 415, "text/json": 415, "application/problem+json": 415, "application/json;;": 415, "": 415,
	}
	for contentType, want := range cases {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			if w := setup(t, nil).do(t, post(good, "Content-Type", contentType)); w.Code != want {
				t.Errorf("answer %d, want %d", w.Code, want)
			}
		})
	}
	if w := setup(t, nil).do(t, post(good, "Content-Encoding", "gzip")); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a compressed body was answered with %d", w.Code)
	}
	if w := setup(t, nil).do(t, post(good, "Content-Encoding", "identity")); w.Code != http.StatusCreated {
		t.Errorf("identity was answered with %d", w.Code)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		keys []string
		code int
		want checkout.Key
	}{
		"none":          {nil, 201, ""},
		"one character": {[]string{"k"}, 201, "k"},
		"quoted":        {[]string{`"8e03978e 40d5"`}, 201, `"8e03978e 40d5"`},
		"longest":       {[]string{strings.Repeat("k", 255)}, 201, checkout.Key(strings.Repeat("k", 255))},
		"too long":      {[]string{strings.Repeat("k", 256)}, 422, ""},
		"empty":         {[]string{""}, 422, ""},
		"control":       {[]string{"a\tb"}, 422, ""},
		"not ASCII":     {[]string{"clé"}, 422, ""},
		"two":           {[]string{"a", "b"}, 422, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, nil)
			r := post(good)
			if tc.keys != nil {
				r.header["Idempotency-Key"] = tc.keys
			}
			w := f.do(t, r)
			if w.Code != tc.code || f.shop.key != tc.want {
				t.Errorf("answer %d with key %q, want %d %q: %s", w.Code, f.shop.key, tc.code, tc.want, w.Body)
			}
			if tc.code == 422 && (f.shop.calls > 0 || !strings.Contains(w.Body.String(), `"field":"Idempotency-Key"`)) {
				t.Errorf("the shop was asked %d times: %s", f.shop.calls, w.Body)
			}
		})
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	const otherwise = 300 * time.Millisecond
	cases := map[string]struct {
		prefer  []string
		want    time.Duration
		applied string
	}{
		"none":                       {nil, otherwise, ""},
		"wait":                       {[]string{"wait=2"}, 2 * time.Second, "wait=2"},
		"wait nothing":               {[]string{"wait=0"}, 0, "wait=0"},
		"at most ten":                {[]string{"wait=3600"}, 10 * time.Second, "wait=10"},
		"far too long":               {[]string{"wait=99999999999999999999"}, otherwise, ""},
		"async":                      {[]string{"respond-async"}, 0, "respond-async"},
		"async, but wait a little":   {[]string{"respond-async, wait=1"}, time.Second, "wait=1"},
		"two headers":                {[]string{"return=minimal", "Wait = 3 ; x=y"}, 3 * time.Second, "wait=3"},
		"the first counts":           {[]string{"wait=1, wait=9"}, time.Second, "wait=1"},
		"a bad first is no licence":  {[]string{"wait=x, wait=9"}, otherwise, ""},
		"negative":                   {[]string{"wait=-1"}, otherwise, ""},
		"fraction":                   {[]string{"wait=0.5"}, otherwise, ""},
		"no value":                   {[]string{"wait"}, otherwise, ""},
		"quoted":                     {[]string{`wait="4"`}, 4 * time.Second, "wait=4"},
		"of no concern":              {[]string{"handling=lenient"}, otherwise, ""},
		"bad wait, async":            {[]string{"wait=x, respond-async"}, 0, "respond-async"},
		"RESPOND-ASYNC in any case":  {[]string{"RESPOND-ASYNC"}, 0, "respond-async"},
		"separators without content": {[]string{",,;="}, otherwise, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, nil)
			r := post(good)
			if tc.prefer != nil {
				r.header["Prefer"] = tc.prefer
			}
			w := f.do(t, r)
			if got := w.Header().Get("Preference-Applied"); f.shop.wait != tc.want || got != tc.applied {
				t.Errorf("waited %s, applied %q; want %s, %q", f.shop.wait, got, tc.want, tc.applied)
			}
		})
	}
}

func TestOverloadIsRefusedUnread(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	f := setup(t, func(f *fixture) { f.shop.entered, f.shop.release = entered, release })
	codes := make(chan int, 2)
	for range 2 {
		go func() { codes <- f.do(t, post(good)).Code }()
		<-entered
	}
	unread := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/purchase", iotest.ErrReader(errors.New("read")))
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, unread)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "OVERLOADED") || w.Header().Get("Retry-After") != "1" {
		t.Errorf("answer %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := f.do(t, get("/events")); w.Code != http.StatusOK {
		t.Errorf("reads are refused too: %d", w.Code)
	}
	close(release)
	for range 2 {
		if code := <-codes; code != http.StatusCreated {
			t.Errorf("a purchase in flight got %d", code)
		}
	}
	go func() { <-entered }()
	if w := f.do(t, post(good)); w.Code != http.StatusCreated {
		t.Errorf("after the load: %d", w.Code)
	}
	want := strings.NewReader(`
# HELP eventflow_purchase_shed_total Requests refused before they were read, because too many were being answered.
# TYPE eventflow_purchase_shed_total counter
eventflow_purchase_shed_total{kind="purchase"} 1
eventflow_purchase_shed_total{kind="read"} 0
`)
	if err := testutil.GatherAndCompare(f.registry, want, "eventflow_purchase_shed_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(f.registry); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

func TestAPanicGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	f := setup(t, func(f *fixture) { f.shop.panics = "boom" })
	for i := range 5 {
		if w := f.do(t, post(good)); w.Code != http.StatusInternalServerError {
			t.Errorf("purchase %d: %d", i, w.Code)
		}
	}
	if !strings.Contains(f.log.String(), `"panic":"boom"`) {
		t.Errorf("the panic is not in the log: %s", f.log)
	}
}

func TestAnAbortReachesTheServer(t *testing.T) {
	t.Parallel()
	f := setup(t, func(f *fixture) { f.shop.panics = http.ErrAbortHandler })
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
	}()
	f.do(t, post(good))
}

func TestTheLogHasNoPersonalData(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	f.do(t, post(good, "Idempotency-Key", "secret-key"))
	f.do(t, get("/orders/"+string(orderID)+"?email=ada@example.com"))
	f.do(t, post(`{"email":"ada"}`))
	for _, private := range []string{"ada", "Ada", "secret-key", "?"} {
		if strings.Contains(f.log.String(), private) {
			t.Errorf("the log has %q in it:\n%s", private, f.log)
		}
	}
	first, _, _ := strings.Cut(f.log.String(), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(first), &line); err != nil {
		t.Fatal(err)
	}
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "Answered request", "method": "POST", "route": "/purchase", "status": 201.0,
		"orderID": string(orderID), "durationSeconds": 0.0,
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("access line (-want +got):\n%s", diff)
	}
	if n := strings.Count(f.log.String(), "\n"); n != 3 {
		t.Errorf("%d lines for 3 requests", n)
	}
}

func TestADurableOrderIsAnsweredWithoutAReceipt(t *testing.T) {
	t.Parallel()
	f := setup(t, func(f *fixture) { f.deps.Receipts = brokenReceipts{f.deps.Receipts} })
	w := f.do(t, post(good))
	if w.Code != http.StatusCreated || strings.Contains(w.Body.String(), "receipt") {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
}

func TestReceiptVerifiesWithThePublishedKeys(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	var answer struct{ Receipt string }
	if err := json.Unmarshal(f.do(t, post(good)).Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	keys, err := receipt.ParseKeys(f.do(t, get("/.well-known/eventflow-receipts")).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	claims, err := receipt.Verify(answer.Receipt, keys)
	if err != nil || claims.OrderID != orderID || claims.Quantity != 2 {
		t.Errorf("receipt says %+v, %v", claims, err)
	}
}

func TestUnknownOrderIDsAskNoStore(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	for _, id := range []string{"x", strings.ToUpper(string(orderID)), "urn:uuid:" + string(orderID), strings.ReplaceAll(string(orderID), "-", "")} {
		if w := f.do(t, get("/orders/"+id)); w.Code != http.StatusNotFound || f.shop.calls != 0 {
			t.Errorf("%s: %d after %d calls", id, w.Code, f.shop.calls)
		}
	}
}

func TestEventsFollowTheSnapshot(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	before := f.do(t, get("/events/aurora")).Body.String()
	if again := f.do(t, get("/events/aurora")).Body.String(); again != before {
		t.Errorf("the same snapshot has two pages:\n%s%s", before, again)
	}
	next := snapshot()
	next.AsOf, next.Stale = noon.Add(time.Second), false
	f.front.snapshot = next
	w := f.do(t, get("/events/aurora"))
	if !strings.Contains(w.Body.String(), `"stale":false`) || w.Header().Get("Age") != "0" {
		t.Errorf("the page did not follow: age %s, %s", w.Header().Get("Age"), w.Body)
	}
}

// TestOverARealConnection is for what a recorder does not show.
func TestOverARealConnection(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	server := httptest.NewServer(f.handler)
	defer server.Close()
	do := func(method, path string, body io.Reader) (*http.Response, string) {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, server.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(answer)
	}
	for _, path := range []string{"/", "/events", "/events/aurora", "/health", "/orders/" + string(orderID), "/livez"} {
		response, body := do(http.MethodHead, path, http.NoBody)
		if response.StatusCode != http.StatusOK || body != "" || response.Header.Get("X-EventFlow-Node") != "purchase-0" {
			t.Errorf("HEAD %s: %d %q", path, response.StatusCode, body)
		}
	}
	if response, _ := do(http.MethodDelete, "/events", http.NoBody); response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") == "" {
		t.Errorf("DELETE /events: %d, Allow %q", response.StatusCode, response.Header.Get("Allow"))
	}
	long := strings.NewReader(`{"name":"` + strings.Repeat("a", 1<<20) + `"}`)
	if response, body := do(http.MethodPost, "/purchase", long); response.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(body, httpserver.CodeTooLarge) {
		t.Errorf("1 MiB: %d %s", response.StatusCode, body)
	}
	cut := io.MultiReader(strings.NewReader(`{"name":`), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/purchase", cut)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("a body that breaks off: %d", w.Code)
	}
}

func TestManyUnknownFieldsMakeAShortAnswer(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	body.WriteString(`{"` + strings.Repeat("é", 100) + `":1`)
	for i := range 1000 {
		fmt.Fprintf(&body, `,"f%d":1`, i)
	}
	body.WriteString("}")
	w := setup(t, nil).do(t, post(body.String()))
	if w.Code != http.StatusBadRequest || w.Body.Len() > 4096 {
		t.Errorf("answer %d of %d bytes", w.Code, w.Body.Len())
	}
}
