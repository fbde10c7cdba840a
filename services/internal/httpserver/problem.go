package httpserver

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

// ProblemType is the media type of a problem document (RFC 9457).
const ProblemType = "application/problem+json"

// Codes of problems that belong to HTTP itself and not to a use case.
const (
	CodeMalformed        = "MALFORMED"
	CodeTooLarge         = "TOO_LARGE"
	CodeUnsupportedMedia = "UNSUPPORTED_MEDIA_TYPE"
	CodeNotFound         = "NOT_FOUND"
	CodeMethodNotAllowed = "METHOD_NOT_ALLOWED"
	CodeRateLimited      = "RATE_LIMITED"
	CodeInternal         = "INTERNAL"
)

// Problem is the document of an answer that is not a success.
type Problem struct {
	// Type is a URI that names the kind of problem; NewProblem derives it from the code.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Code is stable; programs decide by it.
	Code string `json:"code"`
	// Errors names each wrong field.
	Errors []FieldProblem `json:"errors,omitempty"`
	// OrderID is set where the problem is about an order that may exist.
	OrderID string `json:"order_id,omitempty"`
	// RetryAfter becomes the Retry-After header, in whole seconds, and RetryAfterMillis;
	// zero sets none.
	RetryAfter time.Duration `json:"-"`
	// RetryAfterMillis is what WriteProblem makes of RetryAfter, for programs.
	RetryAfterMillis int64 `json:"retry_after_ms,omitempty"`
}

// FieldProblem says what is wrong with one field.
type FieldProblem struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// NewProblem returns the problem with the code. Its type is a URN: it identifies and is
// not meant to be fetched.
func NewProblem(status int, code, title, detail string) Problem {
	return Problem{
		Type:  "urn:eventflow:problem:" + strings.ToLower(strings.ReplaceAll(code, "_", "-")),
		Title: title, Status: status, Detail: detail, Code: code,
	}
}

// Internal is the problem for a failure that the client must not see the inside of.
func Internal() Problem {
	return NewProblem(http.StatusInternalServerError, CodeInternal, "Internal error",
		"The server failed to answer this request. It has been logged.")
}

// WriteProblem writes p as the whole answer.
func WriteProblem(w http.ResponseWriter, p Problem) {
	header := w.Header()
	header.Set("Content-Type", ProblemType)
	header.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
		p.RetryAfterMillis = max(1, p.RetryAfter.Milliseconds())
	}
	write(w, p.Status, p)
}

// WriteJSON writes body as the whole answer.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	write(w, status, body)
}

func write(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		// Only a type that JSON cannot express gets here; the access log shows the 500.
		status, encoded = http.StatusInternalServerError, []byte(`{"status":500,"code":"INTERNAL"}`)
		w.Header().Set("Content-Type", ProblemType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)+1))
	w.WriteHeader(status)
	// A client that has gone away before its answer needs none.
	_, _ = w.Write(append(encoded, '\n'))
}

// LogPanic logs what a recovered handler had panicked with.
func LogPanic(r *http.Request, log *slog.Logger, recovered any, stack []byte) {
	log.ErrorContext(r.Context(), "Recovered from a panic in a handler", telemetry.KeyPanic, recovered, telemetry.KeyStack, string(stack))
}
