package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/lifecycle"
	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
	"github.com/eventflow-dev/eventflow/services/internal/ratelimit"
	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/httpapi"
	"github.com/eventflow-dev/eventflow/services/purchase/receipt"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
)

// maxPostgresConns is small: the ledger is only read here, once a second and for orders
// that the arbiter has forgotten.
const maxPostgresConns = 4

// stores are the connections, none of which needs to stand.
type stores struct {
	postgres  *pgxpool.Pool
	redis     *redis.Client
	publisher *rabbitmq.Publisher
}

func openStores(ctx context.Context, c Config, log *slog.Logger) (stores, error) {
	pool, err := postgres.Open(ctx, string(c.PostgresURL), postgres.Options{
		MaxConns: maxPostgresConns, ApplicationName: "eventflow-purchase",
	})
	if err != nil {
		return stores{}, fmt.Errorf("open postgres: %w", err)
	}
	client, err := redisstore.Open(string(c.RedisURL))
	if err != nil {
		pool.Close()
		return stores{}, fmt.Errorf("open redis: %w", err)
	}
	return stores{
		postgres: pool, redis: client,
		publisher: rabbitmq.NewPublisher(string(c.RabbitMQURL), rabbitmq.Options{Logger: log, Name: "eventflow-purchase"}),
	}, nil
}

// app is the service, wired.
type app struct {
	config   Config
	log      *slog.Logger
	clock    func() time.Time
	registry *prometheus.Registry
	stores   stores
	ledger   *postgres.Ledger
	health   *httpserver.Health

	guard        *checkout.Guard
	front        *storefront.Front
	shop         *checkout.Service
	relay        *checkout.Relay
	api, metrics *httpserver.Server
}

func newApp(c Config, s stores, log *slog.Logger, clock func() time.Time) (*app, error) {
	a := &app{
		config: c, log: log, clock: clock, registry: telemetry.NewRegistry(),
		stores: s, ledger: postgres.NewLedger(s.postgres), health: &httpserver.Health{},
	}
	a.guard = checkout.NewGuard(func(ctx context.Context) error {
		return redisstore.CheckSettings(ctx, s.redis)
	}, log)
	a.front = storefront.New(storefront.Deps{
		Books: a.ledger, Shelf: redisstore.NewShelf(s.redis), Broker: s.publisher, MaySell: a.guard.Err,
		OutboxLimit: c.OutboxLimit, Clock: clock, Logger: log, Registerer: a.registry,
	})
	if err := a.makeShop(); err != nil {
		return nil, err
	}
	if err := a.makeServers(); err != nil {
		return nil, err
	}
	return a, nil
}

// makeShop makes what sells.
func (a *app) makeShop() error {
	identity, err := checkout.NewIdentity([]byte(a.config.OrderKey))
	if err != nil {
		return err
	}
	reservations := redisstore.NewReservations(a.stores.redis, redisstore.Options{OutboxLimit: a.config.OutboxLimit})
	metrics := checkout.NewMetrics(a.registry)
	a.shop = checkout.New(checkout.Deps{
		Storefront: a.front, Pipeline: a.front, Gate: a.guard,
		Reservations: reservations, Cancellations: reservations, Publisher: a.stores.publisher, Ledger: a.ledger,
		Identity: identity, Node: a.config.Node, Clock: a.clock, Logger: a.log, Metrics: metrics,
		// Beyond it a purchase is answered without a wait, so that waiting cannot fill the pod.
		MaxWaiting: max(1, a.config.MaxInFlight*3/4),
	})
	a.relay = checkout.NewRelay(checkout.RelayDeps{
		Outbox: reservations, Reservations: reservations, Cancellations: reservations, Publisher: a.stores.publisher,
		Logger: a.log, Metrics: metrics,
	})
	return nil
}

// makeServers makes what listens.
func (a *app) makeServers() error {
	signer, err := receipt.NewSigner([]byte(a.config.ReceiptKey))
	if err != nil {
		return err
	}
	handler, err := httpapi.New(httpapi.Deps{
		Shop: a.shop, Front: a.front, Receipts: signer, Health: a.health,
		Node: a.config.Node, Version: telemetry.Version(), Wait: a.config.Wait,
		MaxInFlight: a.config.MaxInFlight, MaxReads: a.config.MaxReads,
		PurchaseRate: ratelimit.Rate{PerSecond: a.config.RateLimit, Burst: a.config.RateBurst},
		ReadRate:     ratelimit.Rate{PerSecond: a.config.ReadRateLimit, Burst: a.config.ReadRateBurst},
		TrustedHops:  a.config.TrustedHops,
		Clock:        a.clock, Random: rand.Float64, Logger: a.log, Registerer: a.registry,
	})
	if err != nil {
		return fmt.Errorf("make the API: %w", err)
	}
	a.api = httpserver.New(httpserver.Options{
		Name: "api", Address: a.config.HTTPAddress, Handler: handler, Logger: a.log,
		Health: a.health, ShutdownDelay: a.config.ShutdownDelay,
	})
	a.metrics = httpserver.New(httpserver.Options{
		Name: "metrics", Address: a.config.MetricsAddress,
		Handler: telemetry.MetricsHandler(a.registry), Logger: a.log,
	})
	return nil
}

// run starts everything and, once ctx ends, stops it in reverse: no new purchases, those
// in flight to their end, what the arbiter is still to be told, the connections.
func (a *app) run(ctx context.Context) error {
	announcements := redisstore.NewAnnouncements(a.stores.redis, a.config.Node, a.log)
	return lifecycle.Run(ctx,
		lifecycle.OnStop("postgres", func() error { a.stores.postgres.Close(); return nil }),
		lifecycle.OnStop("redis", a.stores.redis.Close),
		lifecycle.Component{Name: "publisher", Run: a.stores.publisher.Run},
		lifecycle.Component{Name: "announcements", Run: func(ctx context.Context) error {
			return announcements.Run(ctx, a.shop.Settle)
		}},
		lifecycle.Component{Name: "guard", Run: a.guard.Run},
		lifecycle.Component{Name: "front", Run: a.front.Run},
		lifecycle.Component{Name: "shop", Run: a.shop.Run},
		lifecycle.Component{Name: "relay", Run: a.relay.Run},
		lifecycle.Component{Name: "metrics", Run: a.metrics.Run, Grace: a.metrics.Grace()},
		lifecycle.Component{Name: "readiness", Run: a.becomeReady},
		lifecycle.Component{Name: "api", Run: a.api.Run, Grace: a.api.Grace()},
	)
}

// becomeReady makes the pod ready once it has asked every store, whatever they said.
func (a *app) becomeReady(ctx context.Context) error {
	select {
	case <-a.front.Primed():
		a.health.SetReady()
	case <-ctx.Done():
	}
	return nil
}
