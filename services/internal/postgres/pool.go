package postgres

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/eventflow-dev/eventflow/services/internal/tcp"
)

const (
	// connectTimeout bounds a connection attempt. A pool slot is taken for as long, so
	// it also bounds for how long a black hole is felt after the database is back.
	connectTimeout = 2 * time.Second
	// pingTimeout bounds the check of a connection that has been idle: a half-open one
	// would otherwise take the caller's whole budget.
	pingTimeout = 500 * time.Millisecond
	// statementTimeout is the server's own bound, for statements whose client is gone.
	statementTimeout = 10 * time.Second
	// idleInTransactionTimeout frees the tiers that a frozen client has locked.
	idleInTransactionTimeout = 10 * time.Second
	connLifetimeJitter       = 10 * time.Minute
	defaultMaxConns          = 4
)

// Options of Open. The zero value is good.
type Options struct {
	// MaxConns bounds the pool; zero means 4.
	MaxConns int32
	// ApplicationName is what the server calls the connections in pg_stat_activity.
	ApplicationName string
	// StatementTimeout is the server's bound for one statement; zero means 10 s.
	StatementTimeout time.Duration
}

// Open returns a pool that connects when it is first used: it fails for a URL that it
// cannot read, never because the server is away.
func Open(ctx context.Context, url string, o Options) (*pgxpool.Pool, error) {
	config, err := poolConfig(url, o)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the ledger's pool: %w", err)
	}
	return pool, nil
}

func poolConfig(url string, o Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's URL: %w", err) // pgx hides the password
	}
	config.MaxConns = cmp.Or(o.MaxConns, defaultMaxConns)
	config.MaxConnLifetimeJitter = cmp.Or(config.MaxConnLifetimeJitter, connLifetimeJitter)
	config.PingTimeout = cmp.Or(config.PingTimeout, pingTimeout)

	conn := config.ConnConfig
	conn.ConnectTimeout = cmp.Or(conn.ConnectTimeout, connectTimeout)
	conn.DialFunc = tcp.Dialer(conn.ConnectTimeout).DialContext
	setParam := func(name, value string) {
		if conn.RuntimeParams[name] == "" && value != "" {
			conn.RuntimeParams[name] = value
		}
	}
	setParam("application_name", o.ApplicationName)
	setParam("statement_timeout", millis(cmp.Or(o.StatementTimeout, statementTimeout)))
	setParam("idle_in_transaction_session_timeout", millis(idleInTransactionTimeout))
	return config, nil
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
