package containers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/redis/go-redis/v9"
)

const (
	user     = "eventflow"
	password = "not-a-secret"
	// databases are how many Redis has for tests to run side by side in.
	databases = 128
	// virtualHosts are how many RabbitMQ gets at a time: each makes it start more slowly, and
	// the command that adds them takes a second.
	virtualHosts = 16
	// consumerTimeout is after how many milliseconds RabbitMQ takes unacknowledged deliveries
	// back, and consumerTick how often it looks. They are 30 and 1 minutes where nobody sets
	// them: here an outage of half a minute stands for one of hours.
	consumerTimeout = 10_000
	consumerTick    = 2_000

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

// Wipe makes the database at url lose all that it holds.
func (r *Redis) Wipe(ctx context.Context, url string) error {
	options, err := redis.ParseURL(url)
	if err != nil {
		return fmt.Errorf("wipe redis: %w", err)
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	if err := client.FlushDB(ctx).Err(); err != nil {
		return fmt.Errorf("wipe redis: %w", err)
	}
	return nil
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
	mu   sync.Mutex
	used int
}

// StartRabbitMQ starts RabbitMQ. Its data survive a restart of the container.
func StartRabbitMQ(ctx context.Context) (*RabbitMQ, error) {
	c, err := start(ctx, spec{
		image: image("RABBITMQ", "rabbitmq:4"),
		port:  5672,
		options: []string{
			"--hostname", "rabbitmq", // the node's name, which its data belong to
			"--env", "RABBITMQ_DEFAULT_USER=" + user, "--env", "RABBITMQ_DEFAULT_PASS=" + password,
			"--env", fmt.Sprintf("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-rabbit consumer_timeout %d -rabbit channel_tick_interval %d",
				consumerTimeout, consumerTick),
		},
	}, func(_ context.Context, address string) error { return pingRabbitMQ(rabbitmqURL(address, "/")) })
	if err != nil {
		return nil, err
	}
	return &RabbitMQ{Container: c}, nil
}

// addVirtualHosts makes the next ones after those that are used.
func (r *RabbitMQ) addVirtualHosts(ctx context.Context) error {
	script := fmt.Sprintf(`[begin
		Name = list_to_binary("test" ++ integer_to_list(N)), %s
	end || N <- lists:seq(%d, %d)], ok.`, addVirtualHost, r.used+1, r.used+virtualHosts)
	return r.eval(ctx, "add virtual hosts", script)
}

// addVirtualHost makes the virtual host that the variable Name has, in Erlang.
const addVirtualHost = `
	rabbit_vhost:add(Name, <<"test">>),
	rabbit_auth_backend_internal:set_permissions(<<"` + user + `">>, Name, <<".*">>, <<".*">>, <<".*">>, <<"test">>)`

// Wipe makes the virtual host at url lose all that it holds, and its connections.
func (r *RabbitMQ) Wipe(ctx context.Context, url string) error {
	name := url[strings.LastIndex(url, "/")+1:]
	return r.eval(ctx, "wipe virtual host "+name, fmt.Sprintf(`Name = <<%q>>, rabbit_vhost:delete(Name, <<"test">>), %s, ok.`, name, addVirtualHost))
}

func (r *RabbitMQ) eval(ctx context.Context, what, script string) error {
	out, err := r.Exec(ctx, "rabbitmqctl", "eval", script)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !strings.HasSuffix(out, "ok") {
		return fmt.Errorf("%s: %s", what, out)
	}
	return nil
}

// URL returns the URL of the broker's first virtual host.
func (r *RabbitMQ) URL() string { return rabbitmqURL(r.Address(), "/") }

// Stop ends the broker in its own orderly way. In some images the order to stop does not
// reach it, so it is told first.
func (r *RabbitMQ) Stop(ctx context.Context) error {
	if _, err := r.Exec(ctx, "rabbitmqctl", "shutdown", "--no-wait"); err != nil {
		return fmt.Errorf("shut RabbitMQ down: %w", err)
	}
	if _, err := docker(ctx, "wait", r.id); err != nil {
		return fmt.Errorf("wait for RabbitMQ's end: %w", err)
	}
	return nil
}

// Alarm makes the broker short of memory, so that it blocks publishers, until the
// returned function is called.
func (r *RabbitMQ) Alarm(ctx context.Context) (end func(context.Context) error, err error) {
	before, err := r.Exec(ctx, "rabbitmqctl", "eval", "vm_memory_monitor:get_vm_memory_high_watermark().")
	if err != nil {
		return nil, fmt.Errorf("read the memory watermark: %w", err)
	}
	set := func(ctx context.Context, fraction string) error {
		_, err := r.Exec(ctx, "rabbitmqctl", "set_vm_memory_high_watermark", fraction)
		return err
	}
	if err := set(ctx, "0.0000001"); err != nil {
		return nil, fmt.Errorf("raise the memory alarm: %w", err)
	}
	return func(ctx context.Context) error { return set(ctx, before) }, nil
}

// NewVirtualHost returns the URL of a virtual host that nobody has used.
func (r *RabbitMQ) NewVirtualHost() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used%virtualHosts == 0 {
		if err := r.addVirtualHosts(context.Background()); err != nil {
			panic(fmt.Sprintf("containers: %v", err))
		}
	}
	r.used++
	return rabbitmqURL(r.Address(), fmt.Sprintf("/test%d", r.used))
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
