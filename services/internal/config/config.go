// Package config reads what a service is told by its environment: the part that all
// services share, and each one's own. It is for main packages only, and must not know
// what the values are used for.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Prefix is what the name of every variable begins with.
const Prefix = "EVENTFLOW_"

// Common is what every service is told. A service's own configuration embeds it.
type Common struct {
	// Node names the pod; the host's name where it is empty.
	Node           string        `env:"NODE"`
	LogLevel       slog.Level    `env:"LOG_LEVEL"       envDefault:"info"`
	HTTPAddress    string        `env:"HTTP_ADDRESS"    envDefault:":8080"`
	MetricsAddress string        `env:"METRICS_ADDRESS" envDefault:":9090"`
	ShutdownDelay  time.Duration `env:"SHUTDOWN_DELAY"  envDefault:"0s"`
}

func (c *Common) common() *Common { return c }

// Config is a pointer to a struct that embeds Common.
type Config interface{ common() *Common }

// Read fills into from variables of the form NAME=value. Its error names every problem,
// and no value of a Secret.
func Read(environ []string, into Config) error {
	problems := []error{env.ParseWithOptions(into, env.Options{Environment: env.ToMap(environ), Prefix: Prefix})}
	c := into.common()
	if c.ShutdownDelay < 0 {
		problems = append(problems, errors.New(Prefix+"SHUTDOWN_DELAY must not be negative"))
	}
	problems = append(problems, emptySecrets(into)...)
	if c.Node == "" {
		host, err := os.Hostname()
		problems = append(problems, err)
		c.Node = host
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	return nil
}

// emptySecrets finds the files that were there and had nothing in them, which the
// parser takes for values that were not given.
func emptySecrets(c Config) []error {
	var problems []error
	value := reflect.ValueOf(c).Elem()
	for field, v := range value.Fields() {
		if secret, is := reflect.TypeAssert[Secret](v); is && secret == "" {
			problems = append(problems, fmt.Errorf("%s: %w", field.Name, errEmpty))
		}
	}
	return problems
}

const redacted = "[redacted]"

var errEmpty = errors.New("the file is empty")

// Secret is text that is never shown.
type Secret string

// UnmarshalText takes the text without the white space around it.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(strings.TrimSpace(string(text)))
	if *s == "" {
		return errEmpty
	}
	return nil
}

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret from %#v too.
func (Secret) GoString() string { return redacted }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
