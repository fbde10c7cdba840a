package redisstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// refusals are what Redis answers instead of executing a command or a script, by the
// word that the answer begins with. A script that has begun to write meets none of them: Redis
// checks memory, disk and role before its first write.
var refusals = []string{
	"NOSCRIPT", "LOADING", "MISCONF", "OOM", "READONLY", "BUSY", "MASTERDOWN", "NOREPLICAS",
	"NOAUTH", "WRONGPASS", "NOPERM", "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN",
}

// classify names what an error of a call means: ErrUnavailable when Redis surely did
// not execute it, ErrOutcomeUnknown when it was written and no answer says so.
func classify(err error, written bool) error {
	switch {
	case err == nil:
		return nil
	case !written || refused(err):
		return fmt.Errorf("%w: %w", checkout.ErrUnavailable, err)
	default:
		return fmt.Errorf("%w: %w", checkout.ErrOutcomeUnknown, err)
	}
}

// unavailable is classify for calls that change nothing.
func unavailable(err error) error { return classify(err, false) }

func refused(err error) bool {
	word, _, _ := strings.Cut(redisMessage(err), " ")
	return slices.Contains(refusals, word)
}

// redisMessage is the error that Redis itself answered, or "" for any other.
func redisMessage(err error) string {
	var reply redis.Error
	if !errors.As(err, &reply) || errors.Is(err, redis.Nil) {
		return ""
	}
	return reply.Error()
}
