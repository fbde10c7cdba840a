package httpapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// meaning is how HTTP says a code of the domain.
type meaning struct {
	status int
	title  string
}

func meaningOf(code ticketing.Code) (meaning, bool) {
	switch code {
	case ticketing.CodeInvalid:
		return meaning{http.StatusUnprocessableEntity, "Invalid request"}, true
	case ticketing.CodeKeyReused:
		return meaning{http.StatusUnprocessableEntity, "Idempotency key reused"}, true
	case ticketing.CodeUnknownEvent:
		return meaning{http.StatusNotFound, "Unknown event"}, true
	case ticketing.CodeUnknownTier:
		return meaning{http.StatusNotFound, "Unknown tier"}, true
	case ticketing.CodeUnknownOrder:
		return meaning{http.StatusNotFound, "Unknown order"}, true
	case ticketing.CodeSoldOut:
		return meaning{http.StatusConflict, "Sold out"}, true
	case ticketing.CodeLimitExceeded:
		return meaning{http.StatusConflict, "Limit exceeded"}, true
	case ticketing.CodeSaleClosed:
		return meaning{http.StatusConflict, "Sale closed"}, true
	case ticketing.CodeNotCancellable:
		return meaning{http.StatusConflict, "Not cancellable"}, true
	case ticketing.CodeSalePaused:
		return meaning{http.StatusServiceUnavailable, "Sale paused"}, true
	case ticketing.CodeOverloaded:
		return meaning{http.StatusServiceUnavailable, "Overloaded"}, true
	case ticketing.CodeStoreUnavailable:
		return meaning{http.StatusServiceUnavailable, "Store unavailable"}, true
	case ticketing.CodeOutcomeUnknown:
		return meaning{http.StatusServiceUnavailable, "Outcome unknown"}, true
	default:
		return meaning{}, false
	}
}

// fail answers with the problem that err is. What the domain has no name for is logged
// and hidden.
func (a *api) fail(c *gin.Context, err error) {
	var e *ticketing.Error
	if !errors.As(err, &e) {
		a.failInternal(c, err)
		return
	}
	m, known := meaningOf(e.Code)
	if !known {
		a.failInternal(c, err)
		return
	}
	problem := httpserver.NewProblem(m.status, string(e.Code), m.title, e.Message)
	problem.RetryAfter = a.retryAfter(c, e.RetryAfter)
	problem.Errors = fieldProblems(e.Fields)
	httpserver.WriteProblem(c.Writer, problem)
}

// failOrder answers with a problem about an order that exists, or may.
func (a *api) failOrder(c *gin.Context, e *ticketing.Error, id ticketing.OrderID) {
	m, known := meaningOf(e.Code)
	if !known {
		a.failInternal(c, e)
		return
	}
	problem := httpserver.NewProblem(m.status, string(e.Code), m.title, e.Message)
	problem.RetryAfter = a.retryAfter(c, e.RetryAfter)
	problem.OrderID = string(id)
	c.Writer.Header().Set("Location", location(id))
	httpserver.WriteProblem(c.Writer, problem)
}

// spread is over how much more time buyers who are refused are spread.
const spread = 2 * time.Second

// retryAfter is when the client may come back, at least after the given time. Buyers who were refused
// together are not to come back together. A read is cheap and is not made to wait; zero stays "no use".
func (a *api) retryAfter(c *gin.Context, least time.Duration) time.Duration {
	if least <= 0 || c.Request.Method != http.MethodPost {
		return least
	}
	return least + time.Duration(a.d.Random()*float64(spread))
}

func (a *api) failInternal(c *gin.Context, err error) {
	a.d.Logger.ErrorContext(c.Request.Context(), "Answering a request failed",
		telemetry.KeyRoute, c.FullPath(), telemetry.KeyError, err)
	httpserver.WriteProblem(c.Writer, httpserver.Internal())
}

func (a *api) notFound(c *gin.Context) {
	httpserver.WriteProblem(c.Writer, httpserver.NewProblem(
		http.StatusNotFound, httpserver.CodeNotFound, "Not found", "There is nothing at this path."))
}

// methodNotAllowed answers beside the Allow header, which the router has set.
func (a *api) methodNotAllowed(c *gin.Context) {
	httpserver.WriteProblem(c.Writer, httpserver.NewProblem(http.StatusMethodNotAllowed,
		httpserver.CodeMethodNotAllowed, "Method not allowed", "This path does not take this method; Allow says which it takes."))
}

func fieldProblems(fields []ticketing.FieldError) []httpserver.FieldProblem {
	var problems []httpserver.FieldProblem
	for _, f := range fields {
		problems = append(problems, httpserver.FieldProblem(f))
	}
	return problems
}

// malformed answers a request that cannot be read as what it should be.
func (a *api) malformed(c *gin.Context, detail string, fields ...ticketing.FieldError) {
	problem := httpserver.NewProblem(http.StatusBadRequest, httpserver.CodeMalformed, "Malformed request", detail)
	problem.Errors = fieldProblems(fields)
	httpserver.WriteProblem(c.Writer, problem)
}
