package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// nodeHeader names the pod in every response.
	nodeHeader = "X-EventFlow-Node"
	// caching keeps answers out of shared caches: takings are not everybody's business.
	caching = "private, max-age=2, stale-if-error=86400"
	// notYet is when to ask again for what is not known yet.
	notYet = 2 * time.Second
)

// Reports knows the sales, without waiting for a store.
type Reports interface {
	// Report returns false while nothing is known.
	Report() (report.Report, bool)
}

// Deps is what the edge works with. All of it is needed.
type Deps struct {
	Reports Reports
	Health  *httpserver.Health
	// Node names the pod in every response.
	Node       string
	Clock      func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

type api struct {
	d       Deps
	metrics *telemetry.HTTPMetrics
}

// New returns the handler of the whole API.
func New(d Deps) (http.Handler, error) {
	a := &api{d: d, metrics: telemetry.NewHTTPMetrics(d.Registerer, "analytics")}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	engine.ForwardedByClientIP = false
	// gin trusts every proxy unless told: a client could name any address as its own.
	if err := engine.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("trust no proxy: %w", err)
	}
	engine.Use(a.observe)
	engine.NoRoute(a.notFound)
	engine.NoMethod(a.methodNotAllowed)
	a.routes(engine)
	return engine, nil
}

// routes is the whole surface.
func (a *api) routes(engine *gin.Engine) {
	read := func(path string, handler gin.HandlerFunc) {
		engine.GET(path, handler)
		engine.HEAD(path, handler)
	}
	read("/analytics/events", a.events)
	read("/analytics/events/:id", a.event)
	read("/analytics/revenue", a.revenue)
	read("/livez", gin.WrapF(a.d.Health.Live))
	read("/readyz", gin.WrapF(a.d.Health.Ready))
}

// events shows what each event has sold.
func (a *api) events(c *gin.Context) {
	a.show(c, func(r report.Report) (any, bool) { return newEventsBody(r), true })
}

// event shows what one event has sold.
func (a *api) event(c *gin.Context) {
	a.show(c, func(r report.Report) (any, bool) {
		e, found := r.Event(c.Param("id"))
		return newOneEventBody(e, r), found
	})
}

// revenue shows what has been sold in all.
func (a *api) revenue(c *gin.Context) {
	a.show(c, func(r report.Report) (any, bool) { return newRevenueBody(r), true })
}

func (a *api) show(c *gin.Context, pick func(report.Report) (any, bool)) {
	r, known := a.d.Reports.Report()
	if !known {
		p := httpserver.NewProblem(http.StatusServiceUnavailable, string(ticketing.CodeStoreUnavailable), "Store unavailable",
			"Sales are not known yet: the ledger has not answered since this pod started.")
		p.RetryAfter = notYet
		httpserver.WriteProblem(c.Writer, p)
		return
	}
	body, found := pick(r)
	if !found {
		httpserver.WriteProblem(c.Writer, httpserver.NewProblem(http.StatusNotFound, string(ticketing.CodeUnknownEvent),
			"Unknown event", fmt.Sprintf("There is no event %q.", c.Param("id"))))
		return
	}
	c.Header("Age", strconv.Itoa(max(0, int(a.d.Clock().Sub(r.AsOf).Seconds()))))
	c.Header("Cache-Control", caching)
	httpserver.WriteJSON(c.Writer, http.StatusOK, body)
}

func (a *api) notFound(c *gin.Context) {
	httpserver.WriteProblem(c.Writer, httpserver.NewProblem(http.StatusNotFound, httpserver.CodeNotFound, "Not found",
		"There is nothing at this path."))
}

func (a *api) methodNotAllowed(c *gin.Context) {
	httpserver.WriteProblem(c.Writer, httpserver.NewProblem(http.StatusMethodNotAllowed, httpserver.CodeMethodNotAllowed,
		"Method not allowed", "This path can only be read."))
}

// observe is around every request: it names the pod, counts, times and logs, and answers
// for a handler that panics.
func (a *api) observe(c *gin.Context) {
	start := a.d.Clock()
	a.metrics.Begin()
	c.Header(nodeHeader, a.d.Node)
	defer func() {
		if recovered := recover(); recovered != nil {
			c.Abort()
			httpserver.LogPanic(c.Request, a.d.Logger, recovered, debug.Stack())
			if !c.Writer.Written() {
				httpserver.WriteProblem(c.Writer, httpserver.Internal())
			}
		}
		took := a.d.Clock().Sub(start)
		a.metrics.End(c.Request.Method, c.FullPath(), c.Writer.Status(), took)
		a.d.Logger.DebugContext(c.Request.Context(), "Answered request",
			telemetry.KeyMethod, c.Request.Method, telemetry.KeyRoute, c.FullPath(),
			telemetry.KeyStatus, c.Writer.Status(), telemetry.KeyDuration, took.Seconds())
	}()
	c.Next()
}
