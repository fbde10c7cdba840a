package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/analytics/httpapi"
	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/lifecycle"
	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

// maxPostgresConns: one reads, one stands by while a broken one is given up.
const maxPostgresConns = 2

// stores are the connections, none of which needs to stand.
type stores struct {
	postgres *pgxpool.Pool
	redis    *redis.Client
}

func openStores(ctx context.Context, c Config) (stores, error) {
	pool, err := postgres.Open(ctx, string(c.PostgresURL), postgres.Options{
		MaxConns: maxPostgresConns, ApplicationName: "eventflow-analytics",
	})
	if err != nil {
		return stores{}, fmt.Errorf("open postgres: %w", err)
	}
	client, err := redisstore.Open(string(c.RedisURL))
	if err != nil {
		pool.Close()
		return stores{}, fmt.Errorf("open redis: %w", err)
	}
	return stores{postgres: pool, redis: client}, nil
}

func (s stores) close() error {
	s.postgres.Close()
	return s.redis.Close()
}

// app is the service, wired.
type app struct {
	stores       stores
	health       *httpserver.Health
	reports      *report.Service
	api, metrics *httpserver.Server
}

func newApp(c Config, s stores, log *slog.Logger, clock func() time.Time) (*app, error) {
	registry := telemetry.NewRegistry()
	a := &app{stores: s, health: &httpserver.Health{}}
	a.reports = report.New(report.Deps{
		Books: postgres.NewBooks(s.postgres), Backlog: redisstore.NewBacklog(s.redis),
		Logger: log, Metrics: report.NewMetrics(registry), Now: clock,
	})
	handler, err := httpapi.New(httpapi.Deps{
		Reports: a.reports, Health: a.health, Node: c.Node, Clock: clock, Logger: log, Registerer: registry,
	})
	if err != nil {
		return nil, fmt.Errorf("make the API: %w", err)
	}
	a.api = httpserver.New(httpserver.Options{
		Name: "api", Address: c.HTTPAddress, Handler: handler, Logger: log,
		Health: a.health, ShutdownDelay: c.ShutdownDelay,
	})
	a.metrics = httpserver.New(httpserver.Options{
		Name: "metrics", Address: c.MetricsAddress, Handler: telemetry.MetricsHandler(registry), Logger: log,
	})
	return a, nil
}

// run starts everything and, once ctx ends, stops it in reverse.
func (a *app) run(ctx context.Context) error {
	a.health.SetReady()
	return lifecycle.Run(ctx,
		lifecycle.OnStop("stores", a.stores.close),
		lifecycle.Component{Name: "metrics", Run: a.metrics.Run, Grace: a.metrics.Grace()},
		lifecycle.Component{Name: "reports", Run: a.reports.Run},
		lifecycle.Component{Name: "api", Run: a.api.Run, Grace: a.api.Grace()},
	)
}
