package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// prefix is what the name of every variable begins with.
const prefix = "EVENTFLOW_"

// Config is what the service is told by its environment. Secrets come from files.
type Config struct {
	// Node names the pod; the host's name where it is empty.
	Node           string        `env:"NODE"`
	LogLevel       slog.Level    `env:"LOG_LEVEL"                           envDefault:"info"`
	HTTPAddress    string        `env:"HTTP_ADDRESS"                        envDefault:":8080"`
	MetricsAddress string        `env:"METRICS_ADDRESS"                     envDefault:":9090"`
	ShutdownDelay  time.Duration `env:"SHUTDOWN_DELAY"                      envDefault:"0s"`
	PostgresURL    Secret        `env:"POSTGRES_URL_FILE,file,required"     envDefault:"/etc/eventflow/postgres/url"`
	RedisURL       Secret        `env:"REDIS_URL_FILE,file,required"        envDefault:"/etc/eventflow/redis/url"`
	RabbitMQURL    Secret        `env:"RABBITMQ_URL_FILE,file,required"     envDefault:"/etc/eventflow/rabbitmq/url"`
	OrderKey       KeyBytes      `env:"ORDER_KEY_FILE,file,required"        envDefault:"/etc/eventflow/keys/order-id.key"`
	ReceiptKey     KeyBytes      `env:"RECEIPT_KEY_FILE,file,required"      envDefault:"/etc/eventflow/keys/receipt.key"`
	// Wait is how long a purchase waits for its commit where the buyer does not say.
	Wait time.Duration `env:"WAIT" envDefault:"300ms"`
	// MaxInFlight bounds the purchases that the pod answers at one time.
	MaxInFlight int `env:"MAX_IN_FLIGHT" envDefault:"512"`
	// MaxReads bounds the reads that the pod answers at one time.
	MaxReads int `env:"MAX_READS" envDefault:"2048"`
	// RateLimit and RateBurst are the purchases that one client may make of this pod, in a
	// second and at once; a limit of 0 is none. ReadRateLimit and ReadRateBurst are for reads.
	RateLimit     int `env:"RATE_LIMIT"      envDefault:"50"`
	RateBurst     int `env:"RATE_BURST"      envDefault:"100"`
	ReadRateLimit int `env:"READ_RATE_LIMIT" envDefault:"500"`
	ReadRateBurst int `env:"READ_RATE_BURST" envDefault:"1000"`
	// TrustedHops is how many proxies in front of the pod are trusted to say who a client is.
	TrustedHops int `env:"TRUSTED_HOPS" envDefault:"0"`
	// OutboxLimit bounds the orders that wait for the broker, over all pods.
	OutboxLimit int `env:"OUTBOX_LIMIT" envDefault:"100000"`
}

// FromEnv reads the configuration from variables of the form NAME=value. Its error names
// every problem.
func FromEnv(environ []string) (Config, error) {
	var c Config
	err := env.ParseWithOptions(&c, env.Options{Environment: env.ToMap(environ), Prefix: prefix})
	problems := []error{err}
	check := func(ok bool, name, rule string) {
		if err == nil && !ok {
			problems = append(problems, fmt.Errorf("%s%s %s", prefix, name, rule))
		}
	}
	check(c.Wait >= 0 && c.Wait <= 10*time.Second, "WAIT", "must be from 0s to 10s")
	check(c.MaxInFlight > 0, "MAX_IN_FLIGHT", "must be at least 1")
	check(c.MaxReads > 0, "MAX_READS", "must be at least 1")
	check(c.RateLimit >= 0, "RATE_LIMIT", "must not be negative; 0 is no limit")
	check(c.RateBurst > 0, "RATE_BURST", "must be at least 1")
	check(c.ReadRateLimit >= 0, "READ_RATE_LIMIT", "must not be negative; 0 is no limit")
	check(c.ReadRateBurst > 0, "READ_RATE_BURST", "must be at least 1")
	check(c.TrustedHops >= 0, "TRUSTED_HOPS", "must not be negative")
	check(c.OutboxLimit > 0, "OUTBOX_LIMIT", "must be at least 1")
	check(c.ShutdownDelay >= 0, "SHUTDOWN_DELAY", "must not be negative")
	if c.Node == "" {
		host, err := os.Hostname()
		problems = append(problems, err)
		c.Node = host
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	return c, nil
}

const redacted = "[redacted]"

// Secret is text that is never shown.
type Secret string

// UnmarshalText takes the text without the white space around it.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(strings.TrimSpace(string(text)))
	if *s == "" {
		return errors.New("the file is empty")
	}
	return nil
}

// String hides the secret.
func (Secret) String() string { return redacted }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// keyLength is the number of bytes of every key.
const keyLength = 32

// KeyBytes is a key that is never shown.
type KeyBytes string

// UnmarshalText decodes the key from base64.
func (k *KeyBytes) UnmarshalText(text []byte) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return errors.New("the file is not base64")
	}
	if len(key) != keyLength {
		return fmt.Errorf("the key has %d bytes, %d are needed", len(key), keyLength)
	}
	*k = KeyBytes(key)
	return nil
}

// String hides the key.
func (KeyBytes) String() string { return redacted }

// LogValue hides the key.
func (KeyBytes) LogValue() slog.Value { return slog.StringValue(redacted) }
