package httpapi

import (
	"net/http"
	"testing"
	"time"
)

// FuzzHeaders: whatever a client's headers say, a key is printable and bounded, and a
// wait is between nothing and its maximum.
func FuzzHeaders(f *testing.F) {
	f.Add("ada-1", "wait=5", "application/json")
	f.Add("", "respond-async, wait=99999999999", "application/json; charset=latin-1")
	f.Add("\x7f", `wait="3"; x=y, WAIT=1`, ";;")
	f.Fuzz(func(t *testing.T, key, prefer, contentType string) {
		r := &http.Request{Header: http.Header{"Idempotency-Key": {key}, "Prefer": {prefer}, "Content-Type": {contentType}}}
		_ = isJSON(r)
		got, wrong := idempotencyKey(r)
		if (len(wrong) == 0) != (string(got) == key && printable(key)) {
			t.Errorf("key %q is read as %q, %v", key, got, wrong)
		}
		if p := preferred(r, time.Second); p.wait < 0 || p.wait > maxWait {
			t.Errorf("%q is a wait of %s", prefer, p.wait)
		}
	})
}
