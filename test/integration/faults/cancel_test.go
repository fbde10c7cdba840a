//go:build integration

package faults_test

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// beingCancelled counts the orders that are marked as cancelled and whose seats are still
// to come back.
func beingCancelled(ctx context.Context, client *redis.Client) (int, error) {
	n := 0
	keys := client.ScanType(ctx, 0, "{ef}:order:*", 1000, "hash").Iterator()
	for keys.Next(ctx) {
		fields, err := client.HMGet(ctx, keys.Val(), "state", "cancel").Result()
		if err != nil {
			return 0, err
		}
		if fields[1] != nil && fields[0] != "CANCELLED" && fields[0] != "REFUSED" {
			n++
		}
	}
	return n, keys.Err()
}
