package redisstore

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/eventflow-dev/eventflow/services/internal/tcp"
)

// The library's defaults would let one call to a dead Redis take tens of seconds and
// repeat a script whose answer was lost.
const (
	dialTimeout = 200 * time.Millisecond
	// socketTimeout is well above what a sync to a busy disk takes: a reservation given up
	// too early leaves a buyer not knowing. A Redis that is dead is known to the breaker.
	socketTimeout = time.Second
	// poolTimeout is what a rush may wait for a connection: Redis is there then, and busy.
	poolTimeout = 500 * time.Millisecond
	poolSize    = 32
	// slowTimeout is for calls that nobody buying a ticket waits for.
	slowTimeout = time.Second
)

// quiet turns off the library's own lines on standard error: every failure that it
// writes there comes back as an error too.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

// Printf implements the library's logger.
func (silence) Printf(context.Context, string, ...any) {}

// Open returns a client that connects when it is first used. It never repeats a
// command, keeps to its callers' deadlines, and refuses at once while Redis is known to be dead.
func Open(url string) (*redis.Client, error) {
	quiet()
	options, err := clientOptions(url)
	if err != nil {
		return nil, err
	}
	options.Limiter = newBreaker(func() error { return probe(url) })
	return redis.NewClient(options), nil
}

func clientOptions(url string) (*redis.Options, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("read the arbiter's URL: %w", err)
	}
	options.Protocol = 2 // nothing here needs push messages
	options.DialTimeout = dialTimeout
	options.DialerRetries = 1
	options.ReadTimeout = socketTimeout
	options.WriteTimeout = socketTimeout
	options.PoolTimeout = poolTimeout
	options.PoolSize = poolSize
	options.MaxRetries = -1 // a script may have been executed although its answer is lost
	options.ContextTimeoutEnabled = true
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	options.Dialer = dialer(options.TLSConfig)
	return options, nil
}

func dialer(config *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	plain := tcp.Dialer(dialTimeout)
	if config == nil {
		return plain.DialContext
	}
	return (&tls.Dialer{NetDialer: plain, Config: config}).DialContext
}

// probe asks on a connection of its own whether Redis answers.
func probe(url string) error {
	options, err := clientOptions(url)
	if err != nil {
		return err
	}
	options.PoolSize = 1
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout+2*socketTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil && redisMessage(err) == "" {
		return err
	}
	return nil // a refusal is an answer too
}
