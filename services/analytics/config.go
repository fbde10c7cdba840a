package main

import "github.com/eventflow-dev/eventflow/services/internal/config"

// Config is what the service is told by its environment. Secrets come from files.
type Config struct {
	config.Common
	PostgresURL config.Secret `env:"POSTGRES_URL_FILE,file,required" envDefault:"/etc/eventflow/postgres/url"`
	RedisURL    config.Secret `env:"REDIS_URL_FILE,file,required"    envDefault:"/etc/eventflow/redis/url"`
}

// FromEnv reads the configuration from variables of the form NAME=value. Its error names
// every problem.
func FromEnv(environ []string) (Config, error) {
	var c Config
	if err := config.Read(environ, &c); err != nil {
		return Config{}, err
	}
	return c, nil
}
