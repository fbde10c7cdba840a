package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	keyHeader = "Idempotency-Key"
	maxKey    = 255
	// maxWait is the longest that a buyer can ask a purchase to wait.
	maxWait = 10 * time.Second
)

// isJSON reports whether the request says that its body is plain JSON in UTF-8.
func isJSON(r *http.Request) bool {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return false
	}
	contentType := r.Header.Get("Content-Type")
	if contentType == "application/json" {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset, named := params["charset"]
	return err == nil && media == "application/json" && (!named || strings.EqualFold(charset, "utf-8"))
}

// idempotencyKey returns the request's key, "" where it has none, and what is wrong with it.
func idempotencyKey(r *http.Request) (checkout.Key, []ticketing.FieldError) {
	values := r.Header.Values(keyHeader)
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", []ticketing.FieldError{{Field: keyHeader, Reason: "is given more than once"}}
	}
	if !printable(values[0]) {
		return "", []ticketing.FieldError{{Field: keyHeader, Reason: "must be 1 to 255 printable ASCII characters"}}
	}
	return checkout.Key(values[0]), nil
}

func printable(key string) bool {
	if key == "" || len(key) > maxKey {
		return false
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return false
		}
	}
	return true
}

// preference is what the buyer prefers (RFC 7240), as far as it is honoured.
type preference struct {
	wait time.Duration
	// applied is the value of Preference-Applied; "" where nothing was preferred.
	applied string
}

// preferred reads the Prefer headers. The first of a name counts, what is not understood
// is passed over, and a wait is more telling than respond-async.
func preferred(r *http.Request, otherwise time.Duration) preference {
	values := r.Header.Values("Prefer")
	if len(values) == 0 {
		return preference{wait: otherwise}
	}
	async, waitSeen := false, false
	wait := time.Duration(-1)
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		token, _, _ := strings.Cut(item, ";")
		name, value, _ := strings.Cut(token, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "respond-async":
			async = true
		case "wait":
			if !waitSeen {
				wait = waitOf(value)
			}
			waitSeen = true
		}
	}
	switch {
	case wait >= 0:
		return preference{wait: wait, applied: "wait=" + strconv.Itoa(int(wait/time.Second))}
	case async:
		return preference{applied: "respond-async"}
	default:
		return preference{wait: otherwise}
	}
}

// waitOf returns the seconds that value asks for, at most maxWait, or a negative duration
// where it asks for none.
func waitOf(value string) time.Duration {
	seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
	if err != nil {
		return -1
	}
	return min(time.Duration(seconds)*time.Second, maxWait)
}
