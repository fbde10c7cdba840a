package httpapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/ratelimit"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// kind is what a request wants, as far as load goes.
type kind string

const (
	purchases kind = "purchase"
	reads     kind = "read"
)

// gate bounds what is being answered at one time. Purchases and reads have a bound each,
// so that neither takes the other's place, and new purchases go first: they are refused as soon as
// reads take three quarters of theirs. Whoever has bought is served before whoever may buy.
type gate struct {
	maxPurchases, maxReads int

	mu               sync.Mutex
	purchases, reads int
}

// enter reports whether one more of the kind may be answered; leave follows.
func (g *gate) enter(k kind) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case k == reads && g.reads < g.maxReads:
		g.reads++
	case k == purchases && g.purchases < g.maxPurchases && 4*g.reads < 3*g.maxReads:
		g.purchases++
	default:
		return false
	}
	return true
}

func (g *gate) leave(k kind) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k == reads {
		g.reads--
	} else {
		g.purchases--
	}
}

// newCounter counts what is refused before it is read, by kind.
func newCounter(registerer prometheus.Registerer, name, help string) *prometheus.CounterVec {
	return promauto.With(registerer).NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"kind"})
}

// admission decides whether a request of its kind is let in.
type admission struct {
	api               *api
	kind              kind
	limiter           *ratelimit.Limiter
	shed, rateLimited prometheus.Counter
}

// newAdmissions returns the admissions of purchases and reads.
func newAdmissions(a *api) (selling, reading admission) {
	shed := newCounter(a.d.Registerer, "eventflow_purchase_shed_total",
		"Requests refused before they were read, because too many were being answered.")
	rateLimited := newCounter(a.d.Registerer, "eventflow_purchase_rate_limited_total",
		"Requests refused before they were read, because their client asked too often.")
	admit := func(k kind, rate ratelimit.Rate) admission {
		return admission{
			api: a, kind: k, limiter: ratelimit.New(rate),
			shed: shed.WithLabelValues(string(k)), rateLimited: rateLimited.WithLabelValues(string(k)),
		}
	}
	return admit(purchases, a.d.PurchaseRate), admit(reads, a.d.ReadRate)
}

// limit refuses what a client asks for more often than it may.
func (d admission) limit(c *gin.Context) {
	a := d.api
	wait := d.limiter.Take(ratelimit.Client(c.Request, a.d.TrustedHops), a.d.Clock())
	if wait == 0 {
		c.Next()
		return
	}
	d.rateLimited.Inc()
	unread(c)
	problem := httpserver.NewProblem(http.StatusTooManyRequests, httpserver.CodeRateLimited, "Rate limited",
		"requests come from this address faster than one client may send them; nothing happened")
	problem.RetryAfter = a.retryAfter(c, wait)
	httpserver.WriteProblem(c.Writer, problem)
}

// bound refuses what is more than the pod can answer well.
func (d admission) bound(c *gin.Context) {
	a := d.api
	if a.gate.enter(d.kind) {
		defer a.gate.leave(d.kind)
		c.Next()
		return
	}
	d.shed.Inc()
	unread(c)
	a.fail(c, &ticketing.Error{
		Code: ticketing.CodeOverloaded, RetryAfter: time.Second,
		Message: "this pod is answering as many requests as it can; nothing happened",
	})
}

// unread makes the answer go out at once. The server would otherwise wait for the body
// first, to use the connection again, and a client may send it as slowly as it likes. It does not
// where it closes the connection. (Full duplex is no way out: with a body that nobody reads, the
// server's next read of the connection panics.)
func unread(c *gin.Context) {
	c.Abort()
	if c.Request.ContentLength != 0 {
		c.Header("Connection", "close")
	}
}
