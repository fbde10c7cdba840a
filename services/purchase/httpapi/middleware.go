package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

const (
	// nodeHeader names the pod in every response, spelled as in the contract: header names
	// have no case, and people read them.
	nodeHeader = "X-EventFlow-Node"
	// orderKey is where a handler leaves the order's id for the access line.
	orderKey = "orderID"
)

// observe is around every request: it names the pod, counts, times and logs, and answers
// for a handler that panics.
func (a *api) observe(c *gin.Context) {
	start := a.d.Clock()
	a.metrics.Begin()
	c.Writer.Header()[nodeHeader] = a.node
	defer func() {
		recovered := recover()
		if recovered != nil {
			a.answerPanic(c, recovered)
		}
		a.finish(c, a.d.Clock().Sub(start))
		if isAbort(recovered) {
			panic(recovered) // the server's own way to cut a connection
		}
	}()
	c.Next()
}

func (a *api) answerPanic(c *gin.Context, recovered any) {
	c.Abort()
	if isAbort(recovered) {
		return
	}
	httpserver.LogPanic(c.Request, a.d.Logger, recovered, debug.Stack())
	if !c.Writer.Written() {
		httpserver.WriteProblem(c.Writer, httpserver.Internal())
	}
}

func isAbort(recovered any) bool {
	err, ok := recovered.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// finish counts and logs one answer. The line has no personal data: no address, no query,
// no name. Reads and probes are logged at debug.
func (a *api) finish(c *gin.Context, took time.Duration) {
	route, status := c.FullPath(), c.Writer.Status()
	a.metrics.End(c.Request.Method, route, status, took)
	level := slog.LevelDebug
	if c.Request.Method == http.MethodPost {
		level = slog.LevelInfo
	}
	a.d.Logger.Log(c.Request.Context(), level, "Answered request",
		telemetry.KeyMethod, c.Request.Method, telemetry.KeyRoute, route, telemetry.KeyStatus, status,
		telemetry.KeyOrderID, c.GetString(orderKey), telemetry.KeyDuration, took.Seconds())
}
