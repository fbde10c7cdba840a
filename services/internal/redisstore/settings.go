package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// required are the settings that the promises rest on, each with what breaks without it.
var required = []struct{ name, value, otherwise string }{
	{"appendonly", "yes", "a restart forgets who holds which seat"},
	{"appendfsync", "always", "a crash forgets the last second of reservations and sells their seats again"},
	{"maxmemory-policy", "noeviction", "reservations are thrown away when memory is short"},
}

// CheckSettings returns an error that names every setting of Redis that is wrong for an
// arbiter. Where Redis cannot be reached the error wraps checkout.ErrUnavailable.
func CheckSettings(ctx context.Context, client *redis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	var wrong []error
	for _, setting := range required {
		values, err := client.ConfigGet(ctx, setting.name).Result()
		switch {
		case err != nil && redisMessage(err) != "" && !refused(err):
			return fmt.Errorf("check Redis' settings: CONFIG GET is not allowed: %w", err)
		case err != nil:
			return fmt.Errorf("check Redis' settings: %w", unavailable(err))
		case values[setting.name] != setting.value:
			wrong = append(wrong, fmt.Errorf("redis: %s is %q, must be %q: %s",
				setting.name, values[setting.name], setting.value, setting.otherwise))
		}
	}
	return errors.Join(wrong...)
}
