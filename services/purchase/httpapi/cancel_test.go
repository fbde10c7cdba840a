package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCancellationReachesTheShopAsItWasSent(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	w := f.do(t, cancel(" {\"em\\u0061il\" : \"Ada@example.com\"}\n", "Prefer", "wait=2"))
	if w.Code != http.StatusOK || f.shop.asked != orderID || f.shop.email != "Ada@example.com" || f.shop.wait != 2*time.Second {
		t.Errorf("answer %d; asked for %s of %q, waiting %s", w.Code, f.shop.asked, f.shop.email, f.shop.wait)
	}
}

// An id that no order has is answered without asking a store.
func TestCancellationOfNoOrder(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	for _, id := range []string{"x", strings.ToUpper(string(orderID))} {
		r := cancel(goodCancel)
		r.path = "/orders/" + id + "/cancel"
		if w := f.do(t, r); w.Code != http.StatusNotFound || f.shop.calls != 0 {
			t.Errorf("%s: %d after %d calls", id, w.Code, f.shop.calls)
		}
	}
}

// Cancellations and purchases share one bound.
func TestCancellationsAreBounded(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	f := setup(t, func(f *fixture) { f.shop.entered, f.shop.release = entered, release })
	codes := make(chan int, 2)
	for _, r := range []request{post(good), cancel(goodCancel)} {
		go func() { codes <- f.do(t, r).Code }()
		<-entered
	}
	if w := f.do(t, cancel(goodCancel)); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "OVERLOADED") {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	close(release)
	for range 2 {
		<-codes
	}
}

func TestCancellationIsLoggedWithoutTheAddress(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	f.do(t, cancel(goodCancel))
	var line map[string]any
	if err := json.Unmarshal(f.log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "Answered request", "method": "POST", "route": "/orders/:id/cancel", "status": 200.0,
		"orderID": string(orderID), "durationSeconds": 0.0,
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("access line (-want +got):\n%s", diff)
	}
}
