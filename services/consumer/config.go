package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/eventflow-dev/eventflow/services/internal/config"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Config is what the service is told by its environment. Secrets and the catalog come from files.
type Config struct {
	config.Common
	PostgresURL config.Secret `env:"POSTGRES_URL_FILE,file,required" envDefault:"/etc/eventflow/postgres/url"`
	RedisURL    config.Secret `env:"REDIS_URL_FILE,file,required"    envDefault:"/etc/eventflow/redis/url"`
	RabbitMQURL config.Secret `env:"RABBITMQ_URL_FILE,file,required" envDefault:"/etc/eventflow/rabbitmq/url"`
	Catalog     Catalog       `env:"CATALOG_FILE,file,required"      envDefault:"/etc/eventflow/catalog/catalog.json"`
}

// FromEnv reads the configuration from variables of the form NAME=value. Its error names
// every problem.
func FromEnv(environ []string) (Config, error) {
	var c Config
	if err := config.Read(environ, &c); err != nil {
		return Config{}, err
	}
	if c.Catalog == nil {
		return Config{}, errors.New("read the configuration: the catalog is empty")
	}
	return c, nil
}

// Catalog is what is to be sold: a JSON array of events. Fields that this version does
// not know are passed over, since the operator that writes them may be newer.
type Catalog []ticketing.Event

// UnmarshalText reads the events; whoever opens the sale checks them.
func (c *Catalog) UnmarshalText(text []byte) error {
	var events []ticketing.Event
	if err := json.Unmarshal(text, &events); err != nil {
		return fmt.Errorf("the catalog is not a JSON array of events: %w", err)
	}
	*c = events
	return nil
}
