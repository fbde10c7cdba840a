package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/ratelimit"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Shop sells tickets, takes them back, and knows orders.
type Shop interface {
	// Buy sells a purchase, waiting up to the given time for its commit.
	Buy(ctx context.Context, p ticketing.Purchase, key checkout.Key, wait time.Duration) (checkout.Record, error)
	// Cancel gives back the seats of the order, which is to be that of the address,
	// waiting up to the given time for the ledger.
	Cancel(ctx context.Context, id ticketing.OrderID, email string, wait time.Duration) (checkout.Cancelled, error)
	// Check returns every wrong field of a purchase, and sells nothing.
	Check(p ticketing.Purchase) []ticketing.FieldError
	// Order returns an order as it is now.
	Order(ctx context.Context, id ticketing.OrderID) (checkout.Record, error)
}

// Front knows what is on sale and how the pod is, without waiting for a store.
type Front interface {
	Snapshot() *storefront.Snapshot
	Status() storefront.Status
}

// Receipts signs receipts.
type Receipts interface {
	Sign(o ticketing.Order) (string, error)
	JWKS() []byte
}

// Deps is what the edge works with. All of it is needed.
type Deps struct {
	Shop     Shop
	Front    Front
	Receipts Receipts
	Health   *httpserver.Health
	// Node names the pod in every response.
	Node    string
	Version string
	// Wait is how long a purchase or cancellation waits for its commit where the buyer
	// does not say.
	Wait time.Duration
	// MaxInFlight bounds the purchases and cancellations that are being answered, MaxReads
	// the reads.
	MaxInFlight, MaxReads int
	// PurchaseRate and ReadRate are how often one client may buy or cancel, and read.
	PurchaseRate, ReadRate ratelimit.Rate
	// TrustedHops is how many proxies in front are trusted to say who a client is.
	TrustedHops int
	Clock       func() time.Time
	// Random returns a number from 0 up to 1, by which buyers who are refused are spread.
	Random     func() float64
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

type api struct {
	d       Deps
	metrics *telemetry.HTTPMetrics
	node    []string
	gate    gate
	pages   pageCache
}

// quiet makes gin print nothing about its routes. The mode belongs to the whole process.
var quiet = sync.OnceFunc(func() { gin.SetMode(gin.ReleaseMode) })

// New returns the handler of the whole API.
func New(d Deps) (http.Handler, error) {
	a := &api{
		d:       d,
		metrics: telemetry.NewHTTPMetrics(d.Registerer, "purchase"),
		node:    []string{d.Node},
		gate:    gate{maxPurchases: d.MaxInFlight, maxReads: d.MaxReads},
	}
	quiet()
	engine := gin.New()
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	engine.ForwardedByClientIP = false
	// gin trusts every proxy unless told: a client could name any address as its own.
	if err := engine.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	engine.Use(a.observe)
	engine.NoRoute(a.notFound)
	engine.NoMethod(a.methodNotAllowed)
	a.routes(engine)
	return engine, nil
}

// routes is the whole surface.
func (a *api) routes(engine *gin.Engine) {
	// Who asks too often is refused first, so that it does not take the place of others.
	sales, views := newAdmissions(a)
	selling := engine.Group("/", sales.limit, sales.bound)
	selling.POST("/purchase", a.purchase)
	selling.POST("/orders/:id/cancel", a.cancel)

	read := func(group gin.IRoutes, path string, handler gin.HandlerFunc) {
		group.GET(path, handler)
		group.HEAD(path, handler)
	}
	reading := engine.Group("/", views.limit, views.bound)
	read(reading, "/", a.index)
	read(reading, "/events", a.events)
	read(reading, "/events/:id", a.event)
	read(reading, "/orders/:id", a.order)
	read(reading, "/.well-known/eventflow-receipts", a.receiptKeys)

	// Never refused: a pod that is busy is not broken.
	read(engine, "/health", a.health)
	read(engine, "/livez", gin.WrapF(a.d.Health.Live))
	read(engine, "/readyz", gin.WrapF(a.d.Health.Ready))
}
