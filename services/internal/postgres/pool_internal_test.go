package postgres

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
)

func TestPoolConfig(t *testing.T) {
	t.Parallel()
	config, err := poolConfig("postgres://ada:secret@db:5432/books?sslmode=disable", Options{ApplicationName: "consumer"})
	if err != nil {
		t.Fatal(err)
	}
	if config.PingTimeout != 500*time.Millisecond || config.ConnConfig.ConnectTimeout != 2*time.Second || config.MaxConns != 4 {
		t.Errorf("ping timeout %s, connect timeout %s, %d connections: want 500 ms, 2 s, 4",
			config.PingTimeout, config.ConnConfig.ConnectTimeout, config.MaxConns)
	}
	for name, want := range map[string]string{
		"application_name": "consumer", "statement_timeout": "10000", "idle_in_transaction_session_timeout": "10000",
	} {
		if got := config.ConnConfig.RuntimeParams[name]; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestPoolConfigURLWins: whoever brings a database of their own sets it up in the URL.
func TestPoolConfigURLWins(t *testing.T) {
	t.Parallel()
	url := "postgres://db/books?connect_timeout=7&pool_ping_timeout=3s&statement_timeout=1234&application_name=mine"
	config, err := poolConfig(url, Options{ApplicationName: "consumer", MaxConns: 9, StatementTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	params := config.ConnConfig.RuntimeParams
	if config.ConnConfig.ConnectTimeout != 7*time.Second || config.PingTimeout != 3*time.Second || config.MaxConns != 9 ||
		params["statement_timeout"] != "1234" || params["application_name"] != "mine" {
		t.Errorf("the URL does not win: connect %s, ping %s, %v", config.ConnConfig.ConnectTimeout, config.PingTimeout, params)
	}
}

func TestOpenHidesThePassword(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), "postgres://ada:hunter2@db:port/books", Options{})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

// TestOpenIsLazy: with the server refused, or silent, opening works, and each call says
// within its own time that the ledger is away.
func TestOpenIsLazy(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	silent, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for name, address := range map[string]string{"refused": "127.0.0.1:1", "silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, err := Open(t.Context(), "postgres://"+address+"/books?sslmode=disable", Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			begun := time.Now()
			err = NewLedger(pool).Ping(t.Context())
			if took := time.Since(begun); !errors.Is(err, fulfil.ErrUnavailable) || took > pingBudget+time.Second {
				t.Errorf("after %s: got %v, want ErrUnavailable within %s", took, err, pingBudget)
			}
		})
	}
}
