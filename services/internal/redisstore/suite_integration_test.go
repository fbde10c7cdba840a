//go:build integration

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

// shared is the server that tests use side by side, each in a database of its own. A
// test that breaks a server starts one for itself.
var shared *containers.Redis

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "redisstore:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if shared, err = containers.StartRedis(ctx); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, shared.Remove(ctx)) }()
	return m.Run(), goleak.Find()
}

func openClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	client, err := redisstore.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func openArbiter(t *testing.T, outboxLimit int) storetest.Arbiter {
	t.Helper()
	client := openClient(t, shared.NewDatabase())
	newPod := func() storetest.Pod {
		return redisstore.NewReservations(client, redisstore.Options{OutboxLimit: outboxLimit})
	}
	shelf, projection := redisstore.NewShelf(client), redisstore.NewProjection(client)
	return storetest.Arbiter{
		Pod: newPod(), NewPod: newPod, Ledger: projection,
		Shelf: shelf, Stock: shelf, Overdue: projection, Backlog: redisstore.NewBacklog(client),
		Listen: func(t *testing.T, node string) <-chan []checkout.Settlement {
			t.Helper()
			return listen(t, client, node)
		},
		SetEpoch: func(t *testing.T, epoch string) {
			t.Helper()
			must(t, client.Del(t.Context(), "{ef}:epoch").Err())
			if epoch != "" {
				must(t, client.Set(t.Context(), "{ef}:epoch", epoch, 0).Err())
			}
		},
		Forget: func(t *testing.T) {
			t.Helper()
			must(t, client.FlushDB(t.Context()).Err())
		},
		Now: func(t *testing.T) time.Time {
			t.Helper()
			now, err := client.Time(t.Context()).Result()
			must(t, err)
			return now
		},
		Elapse: func(t *testing.T, d time.Duration) {
			t.Helper()
			if claim, err := client.PTTL(t.Context(), "{ef}:rebuild").Result(); err != nil || claim > 0 {
				must(t, err)
				must(t, client.PExpire(t.Context(), "{ef}:rebuild", claim-d).Err()) // not positive: it is gone
			}
			_, err := client.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
				for _, key := range []string{"{ef}:outbox", "{ef}:accepted"} {
					ids, err := client.ZRange(t.Context(), key, 0, -1).Result()
					if err != nil {
						return err
					}
					for _, id := range ids {
						pipe.ZIncrBy(t.Context(), key, -float64(d.Milliseconds()), id)
					}
				}
				return nil
			})
			must(t, err)
		},
	}
}

// listen runs Announcements until the test ends, and returns once Redis has the subscription.
func listen(t *testing.T, client *redis.Client, node string) <-chan []checkout.Settlement {
	t.Helper()
	heard := make(chan []checkout.Settlement, 16)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		announcements := redisstore.NewAnnouncements(client, node, slog.New(slog.DiscardHandler))
		if err := announcements.Run(ctx, func(s []checkout.Settlement) { heard <- s }); err != nil {
			t.Errorf("announcements: %v", err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	eventually(t, "subscription", func() bool {
		subscribers, err := client.PubSubNumSub(t.Context(), "{ef}:announce:"+node).Result()
		return err == nil && subscribers["{ef}:announce:"+node] > 0
	})
	return heard
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, suite := range map[string]func(*testing.T, storetest.OpenArbiter){
		"reservations":  storetest.RunReservations,
		"cancellations": storetest.RunCancellations,
		"outbox":        storetest.RunOutbox,
		"projection":    storetest.RunProjection,
		"stock":         storetest.RunStock,
		"limits":        storetest.RunLimits,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, openArbiter)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 30 s", what)
		case <-ticker.C:
		}
	}
}

//nolint:paralleltest // a crowd needs the processor to itself
func TestCrowd(t *testing.T) { storetest.RunCrowd(t, openArbiter) }
