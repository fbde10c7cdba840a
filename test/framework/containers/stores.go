package containers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/redis/go-redis/v9"
)

const (
	user     = "eventflow"
	password = "not-a-secret"
	// databases and virtualHosts are how many Redis and RabbitMQ have for tests to run
	// side by side in. Each virtual host makes RabbitMQ start more slowly.
	databases    = 128
	virtualHosts = 48

	probeTimeout = time.Second
)

// image is the store's image: the one that the environment names, or the official one.
func image(store, official string) string {
	return cmp.Or(os.Getenv("EVENTFLOW_TEST_"+store+"_IMAGE"), official)
}

// Postgres is a PostgreSQL server.
type Postgres struct {
	*Container
	created atomic.Int64
}

// StartPostgres starts PostgreSQL with an empty database.
func StartPostgres(ctx context.Context) (*Postgres, error) {
	c, err := start(ctx, spec{
		image: image("POSTGRES", "postgres:17"),
		port:  5432,
		options: []string{
			"--env", "POSTGRES_USER=" + user, "--env", "POSTGRES_PASSWORD=" + password, "--env", "POSTGRES_DB=" + user,
		},
		command: []string{"postgres", "-c", "max_connections=300"},
	}, func(ctx context.Context, address string) error { return pingPostgres(ctx, postgresURL(address, user)) })
	if err != nil {
		return nil, err
	}
	return &Postgres{Container: c}, nil
}

// URL returns the URL of the server's first database.
func (p *Postgres) URL() string { return postgresURL(p.Address(), user) }

// NewDatabase creates an empty database and returns its URL.
func (p *Postgres) NewDatabase(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	name := fmt.Sprintf("test%d", p.created.Add(1))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return postgresURL(p.Address(), name), nil
}

func postgresURL(address, database string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", user, password, address, database)
}

func pingPostgres(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// Redis is a Redis server with the settings that the arbiter needs.
type Redis struct {
	*Container
	used atomic.Int64
}

// StartRedis starts Redis with an append-only file that is synced before each reply.
func StartRedis(ctx context.Context) (*Redis, error) {
	c, err := start(ctx, spec{
		image: image("REDIS", "redis:8"),
		port:  6379,
		command: []string{
			"redis-server", "--bind", "0.0.0.0", "--dir", "/data", "--requirepass", password,
			"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--save", "",
			"--databases", strconv.Itoa(databases),
		},
	}, pingRedis)
	if err != nil {
		return nil, err
	}
	return &Redis{Container: c}, nil
}

// URL returns the URL of the server's first database.
func (r *Redis) URL() string { return fmt.Sprintf("redis://:%s@%s/0", password, r.Address()) }

// NewDatabase returns the URL of a database that nobody has used.
func (r *Redis) NewDatabase() string {
	number := r.used.Add(1)
	if number >= databases {
		panic("containers: more Redis databases asked for than there are")
	}
	return fmt.Sprintf("redis://:%s@%s/%d", password, r.Address(), number)
}

func pingRedis(ctx context.Context, address string) error {
	client := redis.NewClient(&redis.Options{
		Addr: address, Password: password, DialTimeout: probeTimeout, ReadTimeout: probeTimeout,
		MaxRetries: -1, DialerRetries: 1, PoolSize: 1,
	})
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}

// RabbitMQ is a RabbitMQ broker of one node.
type RabbitMQ struct {
	*Container
	used atomic.Int64
}

// StartRabbitMQ starts RabbitMQ. Its data survive a restart of the container.
func StartRabbitMQ(ctx context.Context) (*RabbitMQ, error) {
	c, err := start(ctx, spec{
		image: image("RABBITMQ", "rabbitmq:4"),
		port:  5672,
		options: []string{
			"--hostname", "rabbitmq", // the node's name, which its data belong to
			"--env", "RABBITMQ_DEFAULT_USER=" + user, "--env", "RABBITMQ_DEFAULT_PASS=" + password,
		},
	}, func(_ context.Context, address string) error { return pingRabbitMQ(rabbitmqURL(address, "/")) })
	if err != nil {
		return nil, err
	}
	r := &RabbitMQ{Container: c}
	if err := r.addVirtualHosts(ctx); err != nil {
		return nil, errors.Join(err, r.Remove(ctx))
	}
	return r, nil
}

// addVirtualHosts makes all of them in one call: the command takes a second to start.
func (r *RabbitMQ) addVirtualHosts(ctx context.Context) error {
	script := fmt.Sprintf(`[begin
		Name = list_to_binary("test" ++ integer_to_list(N)),
		rabbit_vhost:add(Name, <<"test">>),
		rabbit_auth_backend_internal:set_permissions(<<%q>>, Name, <<".*">>, <<".*">>, <<".*">>, <<"test">>)
	end || N <- lists:seq(1, %d)], ok.`, user, virtualHosts)
	out, err := r.Exec(ctx, "rabbitmqctl", "eval", script)
	if err != nil {
		return fmt.Errorf("add virtual hosts: %w", err)
	}
	if !strings.HasSuffix(out, "ok") {
		return fmt.Errorf("add virtual hosts: %s", out)
	}
	return nil
}

// URL returns the URL of the broker's first virtual host.
func (r *RabbitMQ) URL() string { return rabbitmqURL(r.Address(), "/") }

// NewVirtualHost returns the URL of a virtual host that nobody has used.
func (r *RabbitMQ) NewVirtualHost() string {
	number := r.used.Add(1)
	if number > virtualHosts {
		panic("containers: more virtual hosts asked for than there are")
	}
	return rabbitmqURL(r.Address(), fmt.Sprintf("/test%d", number))
}

func rabbitmqURL(address, virtualHost string) string {
	return fmt.Sprintf("amqp://%s:%s@%s%s", user, password, address, virtualHost)
}

func pingRabbitMQ(url string) error {
	conn, err := amqp.DialConfig(url, amqp.Config{Dial: amqp.DefaultDial(probeTimeout)})
	if err != nil {
		return err
	}
	return conn.Close()
}
