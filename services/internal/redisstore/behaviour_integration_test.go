//go:build integration

package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
	"github.com/eventflow-dev/eventflow/test/framework/containers"
)

const (
	// deadline is how long a reservation may take; slack is what a busy machine may add.
	deadline, slack = 1200 * time.Millisecond, time.Second
)

func newOrder() ticketing.Order {
	return storetest.NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "general"}, 1)
}

func reserve(t *testing.T, r *redisstore.Reservations, order ticketing.Order) (time.Duration, checkout.Outcome, error) {
	t.Helper()
	begun := time.Now()
	outcome, err := r.Reserve(t.Context(), checkout.Reservation{Order: order, Fingerprint: "f"})
	took := time.Since(begun)
	if took > deadline+slack {
		t.Errorf("reserve took %s, its deadline is %s", took, deadline)
	}
	return took, outcome, err
}

// openSale returns a pod's client of an arbiter that is stocked and open.
func openSale(t *testing.T, client *redis.Client) *redisstore.Reservations {
	t.Helper()
	shelf := redisstore.NewShelf(client)
	storetest.OpenSale(t, shelf, "epoch", storetest.Catalog())
	return redisstore.NewReservations(client, redisstore.Options{OutboxLimit: 100})
}

// TestRedisUpDown: Redis up/down. What was reserved is there after a kill, since every
// write is on disk before its answer; while Redis is away callers are told so, and at once
// when it is known; one client lives through it all.
//
//nolint:tparallel,paralleltest // its parts break one server in turn
func TestRedisUpDown(t *testing.T) {
	t.Parallel()
	server, err := containers.StartRedis(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, server.Remove(context.WithoutCancel(t.Context()))) })
	client := openClient(t, server.URL())
	reservations := openSale(t, client)

	for _, fault := range []struct {
		name        string
		begin, mend func(context.Context) error
	}{
		{"killed", server.Kill, server.Start},
		{"stopped", server.Stop, server.Start},
		{"frozen", server.Pause, server.Unpause},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := newOrder()
			if _, outcome, err := reserve(t, reservations, before); err != nil || outcome.Verdict != checkout.Reserved {
				t.Fatalf("reserve: verdict %d, %v", outcome.Verdict, err)
			}
			must(t, fault.begin(t.Context()))
			during := newOrder()
			if _, _, err := reserve(t, reservations, during); err == nil {
				t.Error("reserved without Redis")
			}
			eventually(t, "reservations are refused at once", func() bool {
				took, _, err := reserve(t, reservations, newOrder())
				return errors.Is(err, checkout.ErrUnavailable) && took < storetest.AtOnce
			})
			storetest.WantRefusedAtOnce(t, func() error {
				_, _, err := reserve(t, reservations, newOrder())
				return err
			})
			must(t, fault.mend(t.Context()))
			eventually(t, "the reservation is still there", func() bool {
				_, outcome, err := reserve(t, reservations, before)
				return err == nil && outcome.Verdict == checkout.Known
			})
			if _, outcome, err := reserve(t, reservations, newOrder()); err != nil || outcome.Verdict != checkout.Reserved {
				t.Errorf("afterwards: verdict %d, %v", outcome.Verdict, err)
			}
		})
	}
}

// TestScriptsForgotten: Redis forgets scripts when it restarts; none is executed twice.
func TestScriptsForgotten(t *testing.T) {
	t.Parallel()
	server, err := containers.StartRedis(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, server.Remove(context.WithoutCancel(t.Context()))) })
	client := openClient(t, server.URL())
	reservations := openSale(t, client)
	for range 3 {
		must(t, client.ScriptFlush(t.Context()).Err())
		if _, outcome, err := reserve(t, reservations, newOrder()); err != nil || outcome.Verdict != checkout.Reserved {
			t.Errorf("verdict %d, %v", outcome.Verdict, err)
		}
	}
	shelf, err := redisstore.NewShelf(client).Shelf(t.Context())
	must(t, err)
	if left := shelf.Stock[newOrder().Tier()]; left != 97 {
		t.Errorf("%d seats left, want 97", left)
	}
}

// TestRefusals: what Redis refuses to execute surely did not happen.
func TestRefusals(t *testing.T) {
	t.Parallel()
	server, err := containers.StartRedis(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, server.Remove(context.WithoutCancel(t.Context()))) })
	client := openClient(t, server.URL())
	reservations := openSale(t, client)

	for name, setting := range map[string]struct{ name, bad, good string }{
		"out of memory":    {"maxmemory", "1", "0"},
		"too few replicas": {"min-replicas-to-write", "1", "0"},
	} {
		must(t, client.ConfigSet(t.Context(), setting.name, setting.bad).Err())
		order := newOrder()
		if _, _, err := reserve(t, reservations, order); !errors.Is(err, checkout.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", name, err)
		}
		must(t, client.ConfigSet(t.Context(), setting.name, setting.good).Err())
		if _, outcome, err := reserve(t, reservations, order); err != nil || outcome.Verdict != checkout.Reserved {
			t.Errorf("%s, mended: verdict %d, %v; want the order to be new", name, outcome.Verdict, err)
		}
	}
}

// TestCheckSettings: each setting that the promises rest on is named when it is wrong.
func TestCheckSettings(t *testing.T) {
	t.Parallel()
	server, err := containers.StartRedis(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, server.Remove(context.WithoutCancel(t.Context()))) })
	client := openClient(t, server.URL())
	must(t, redisstore.CheckSettings(t.Context(), client))
	for name, value := range map[string]string{
		"appendonly": "no", "appendfsync": "everysec", "maxmemory-policy": "allkeys-lru",
	} {
		must(t, client.ConfigSet(t.Context(), name, value).Err())
	}
	err = redisstore.CheckSettings(t.Context(), client)
	for _, name := range []string{"appendonly", "appendfsync", "maxmemory-policy"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want it to name %s", err, name)
		}
	}
	if errors.Is(err, checkout.ErrUnavailable) {
		t.Errorf("wrong settings are no outage: %v", err)
	}
	must(t, server.Stop(t.Context()))
	if err := redisstore.CheckSettings(t.Context(), client); !errors.Is(err, checkout.ErrUnavailable) {
		t.Errorf("without Redis: got %v, want ErrUnavailable", err)
	}
}

// TestAnnouncementsResubscribe: a lost subscription is made again.
func TestAnnouncementsResubscribe(t *testing.T) {
	t.Parallel()
	server, err := containers.StartRedis(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, server.Remove(context.WithoutCancel(t.Context()))) })
	client := openClient(t, server.URL())
	heard := listen(t, client, "node")
	must(t, server.Kill(t.Context()))
	must(t, server.Start(t.Context()))
	order := newOrder()
	order.Node = "node"
	projection := redisstore.NewProjection(client)
	eventually(t, "an announcement is heard", func() bool {
		_ = projection.Settle(t.Context(), []fulfil.Settlement{{Order: order, State: ticketing.StateConfirmed}})
		select {
		case told := <-heard:
			return len(told) == 1 && told[0].ID == order.ID
		default:
			return false
		}
	})
}

// TestSettledOrdersExpire: the arbiter does not grow for ever.
func TestSettledOrdersExpire(t *testing.T) {
	t.Parallel()
	client := openClient(t, shared.NewDatabase())
	reservations := openSale(t, client)
	order := newOrder()
	if _, _, err := reserve(t, reservations, order); err != nil {
		t.Fatal(err)
	}
	key := "{ef}:order:" + string(order.ID)
	if ttl := client.TTL(t.Context(), key).Val(); ttl != -1 {
		t.Errorf("an order that is not settled expires in %s", ttl)
	}
	must(t, redisstore.NewProjection(client).Settle(t.Context(), []fulfil.Settlement{{Order: order, State: ticketing.StateConfirmed}}))
	if ttl := client.TTL(t.Context(), key).Val(); ttl < 6*24*time.Hour || ttl > 7*24*time.Hour {
		t.Errorf("a settled order expires in %s, want 7 days", ttl)
	}
}

// TestCancelledOrdersWait: an order that is marked stays for as long as its seats are to
// come back, however long that takes: they come back when it changes, once.
func TestCancelledOrdersWait(t *testing.T) {
	t.Parallel()
	client := openClient(t, shared.NewDatabase())
	reservations, projection := openSale(t, client), redisstore.NewProjection(client)
	order := newOrder()
	if _, _, err := reserve(t, reservations, order); err != nil {
		t.Fatal(err)
	}
	settle := func(state ticketing.State) {
		t.Helper()
		must(t, projection.Settle(t.Context(), []fulfil.Settlement{{Order: order, State: state, New: true}}))
	}
	wantExpiry := func(when string, want bool) {
		t.Helper()
		ttl, err := client.TTL(t.Context(), "{ef}:order:"+string(order.ID)).Result()
		must(t, err)
		if expires := ttl > 0; expires != want {
			t.Errorf("%s: the order expires in %s", when, ttl)
		}
	}
	settle(ticketing.StateConfirmed)
	wantExpiry("confirmed", true)
	_, err := reservations.Cancel(t.Context(), checkout.Cancellation{Order: order})
	must(t, err)
	wantExpiry("marked", false)
	settle(ticketing.StateConfirmed)
	wantExpiry("marked, and confirmed once more", false)
	settle(ticketing.StateCancelled)
	wantExpiry("cancelled", true)
}

// TestLimitsSurviveAKill: what a buyer holds, and the rules, are on disk with the seat.
func TestLimitsSurviveAKill(t *testing.T) {
	t.Parallel()
	server, err := containers.StartRedis(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, server.Remove(context.WithoutCancel(t.Context()))) })
	client := openClient(t, server.URL())
	reservations := openSale(t, client)
	events := storetest.Catalog()
	for i := range events[1].Tiers {
		events[1].Tiers[i].MaxPerBuyer = 1
	}
	must(t, redisstore.NewShelf(client).Stock(t.Context(), events))
	if _, outcome, err := reserve(t, reservations, newOrder()); err != nil || outcome.Verdict != checkout.Reserved {
		t.Fatalf("reserve: verdict %d, %v", outcome.Verdict, err)
	}
	must(t, server.Kill(t.Context()))
	must(t, server.Start(t.Context()))
	eventually(t, "the arbiter answers", func() bool {
		_, outcome, err := reserve(t, reservations, newOrder())
		if err == nil && outcome.Verdict != checkout.BuyerLimit {
			t.Errorf("one more: verdict %d, want BuyerLimit", outcome.Verdict)
		}
		return err == nil
	})
}

// TestCountsNameNobody: what is counted against limits has no address in its name, is named in the
// order for whoever settles it, and is gone when it is given back.
func TestCountsNameNobody(t *testing.T) {
	t.Parallel()
	client := openClient(t, shared.NewDatabase())
	reservations := openSale(t, client)
	order := newOrder()
	if _, outcome, err := reserve(t, reservations, order); err != nil || outcome.Verdict != checkout.Reserved {
		t.Fatalf("reserve: verdict %d, %v", outcome.Verdict, err)
	}
	buyer := "aurora/general:" + order.Buyer.Digest()
	named := client.HMGet(t.Context(), "{ef}:order:"+string(order.ID), "buyer", "promo").Val()
	if diff := cmp.Diff([]any{buyer, "aurora:EARLY"}, named); diff != "" {
		t.Errorf("buyer and promo of the order (-want +got):\n%s", diff)
	}
	counts := func(key string) map[string]string { return client.HGetAll(t.Context(), key).Val() }
	if diff := cmp.Diff(map[string]string{buyer: "1"}, counts("{ef}:buyers")); diff != "" {
		t.Errorf("buyers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"aurora:EARLY": "1"}, counts("{ef}:promos")); diff != "" {
		t.Errorf("promo codes (-want +got):\n%s", diff)
	}
	must(t, redisstore.NewProjection(client).Settle(t.Context(), []fulfil.Settlement{{Order: order, State: ticketing.StateRefused}}))
	if left := len(counts("{ef}:buyers")) + len(counts("{ef}:promos")); left != 0 {
		t.Errorf("%d counts are left of an order that was refused", left)
	}
}
