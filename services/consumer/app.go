package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/consumer/overdue"
	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/internal/lifecycle"
	"github.com/eventflow-dev/eventflow/services/internal/postgres"
	"github.com/eventflow-dev/eventflow/services/internal/rabbitmq"
	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

// maxPostgresConns is one for the commits, and some for probing, opening and e-mails
// beside them. More commits at a time would only wait for one another's locks.
const maxPostgresConns = 4

// stores are the connections, none of which needs to stand.
type stores struct {
	postgres *pgxpool.Pool
	redis    *redis.Client
	queue    *rabbitmq.Queue
}

func openStores(ctx context.Context, c Config, log *slog.Logger) (stores, error) {
	pool, err := postgres.Open(ctx, string(c.PostgresURL), postgres.Options{
		MaxConns: maxPostgresConns, ApplicationName: "eventflow-consumer",
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
		queue: rabbitmq.NewQueue(string(c.RabbitMQURL), rabbitmq.Options{Logger: log, Name: c.Node}),
	}, nil
}

func (s stores) close() error {
	s.postgres.Close()
	return s.redis.Close()
}

// app is the service, wired.
type app struct {
	stores          stores
	health          *httpserver.Health
	opener          *opening.Opener
	consumer        *fulfil.Consumer
	reminder        *overdue.Reminder
	notifier        *notify.Notifier
	probes, metrics *httpserver.Server
}

func newApp(c Config, s stores, log *slog.Logger, clock func() time.Time) (*app, error) {
	registry := telemetry.NewRegistry()
	a := &app{stores: s, health: &httpserver.Health{}}
	if err := a.makeUseCases(c, log, clock, registry); err != nil {
		return nil, err
	}
	a.probes = httpserver.New(httpserver.Options{
		Name: "probes", Address: c.HTTPAddress, Handler: a.health.Handler(), Logger: log,
		Health: a.health, ShutdownDelay: c.ShutdownDelay,
	})
	a.metrics = httpserver.New(httpserver.Options{
		Name: "metrics", Address: c.MetricsAddress, Handler: telemetry.MetricsHandler(registry), Logger: log,
	})
	return a, nil
}

func (a *app) makeUseCases(c Config, log *slog.Logger, clock func() time.Time, registry *prometheus.Registry) error {
	ledger := postgres.NewLedger(a.stores.postgres)
	var err error
	a.opener, err = opening.New(opening.Deps{
		Books: ledger, Backlog: a.stores.queue, Stock: redisstore.NewShelf(a.stores.redis),
		Settings: func(ctx context.Context) error { return redisstore.CheckSettings(ctx, a.stores.redis) },
		Logger:   log, Metrics: opening.NewMetrics(registry), Now: clock, NewEpoch: uuid.NewString,
	}, c.Catalog)
	if err != nil {
		return err
	}
	projection := redisstore.NewProjection(a.stores.redis)
	a.consumer = fulfil.New(fulfil.Deps{
		Ledger: ledger, Queue: a.stores.queue, Projection: projection,
		Logger: log, Metrics: fulfil.NewMetrics(registry), Now: clock,
		Ready: a.opener.Ready(), Hold: a.opener.Hold,
	}, fulfil.Settings{})
	a.reminder = overdue.New(overdue.Deps{
		Backlog: a.stores.queue, Arbiter: projection, Logger: log, Registerer: registry,
	})
	a.notifier = notify.New(notify.Deps{
		Outbox: postgres.NewEmailOutbox(a.stores.postgres), Sender: notify.NewLogSender(log),
		Logger: log, Metrics: notify.NewMetrics(registry), Ready: a.opener.Ready(),
	})
	return nil
}

// run starts everything and, once ctx ends, stops it in reverse: the probes turn, the
// batch in hand is finished, the connections are closed.
func (a *app) run(ctx context.Context) error {
	// Nothing else has to be there for the process to do its work.
	a.health.SetReady()
	return lifecycle.Run(ctx,
		lifecycle.OnStop("stores", a.stores.close),
		lifecycle.Component{Name: "metrics", Run: a.metrics.Run, Grace: a.metrics.Grace()},
		lifecycle.Component{Name: "opener", Run: a.opener.Run},
		lifecycle.Component{Name: "reminder", Run: a.reminder.Run},
		lifecycle.Component{Name: "notifier", Run: a.notifier.Run},
		lifecycle.Component{Name: "consumer", Run: a.consumer.Run, Grace: a.consumer.Grace()},
		lifecycle.Component{Name: "probes", Run: a.probes.Run, Grace: a.probes.Grace()},
	)
}
