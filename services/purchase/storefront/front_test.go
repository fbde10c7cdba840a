package storefront_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errAway = errors.New("away")
	general = ticketing.TierKey{EventID: "aurora", TierID: "general"}
)

func catalog(name string) []ticketing.Event {
	return []ticketing.Event{{ID: "aurora", Name: name, Tiers: []ticketing.Tier{{ID: "general"}}}}
}

// stores is all three of them, as the test wants them.
type stores struct {
	mu       sync.Mutex
	books    error
	events   []ticketing.Event
	hang     bool
	shelf    error
	state    storefront.ShelfState
	broker   bool
	blocked  bool
	mayNot   error
	bookAsks int
}

func (s *stores) set(change func(*stores)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *stores) Catalog(ctx context.Context) ([]ticketing.Event, error) {
	s.mu.Lock()
	s.bookAsks++
	hang, events, err := s.hang, s.events, s.books
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return events, err
}

func (s *stores) Shelf(context.Context) (storefront.ShelfState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.shelf
}

func (s *stores) State() (bool, time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broker, time.Time{}, s.blocked
}

func (s *stores) mayErr() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayNot
}

// healthy returns stores that are all up, with the sale open.
func healthy() *stores {
	return &stores{
		events: catalog("Aurora"), broker: true,
		state: storefront.ShelfState{
			Epoch: "e1", Events: catalog("Aurora in Redis"), CatalogAt: time.Now().Add(-time.Hour),
			Stock: map[ticketing.TierKey]int{general: 7},
		},
	}
}

type fixture struct {
	*storefront.Front
	registry *prometheus.Registry
	log      *bytes.Buffer
}

// open runs a Front until the test ends. It must be called in a synctest bubble.
func open(t *testing.T, s *stores) fixture {
	t.Helper()
	f := fixture{registry: prometheus.NewRegistry(), log: new(bytes.Buffer)}
	f.Front = storefront.New(storefront.Deps{
		Books: s, Shelf: s, Broker: s, MaySell: s.mayErr, OutboxLimit: 100, Clock: time.Now,
		Logger: slog.New(slog.NewJSONHandler(f.log, nil)), Registerer: f.registry,
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return f
}

type view struct {
	Name   string
	Source storefront.Source
	Stale  bool
	Age    time.Duration
	Left   int
	Known  bool
}

func viewOf(f fixture) view {
	s := f.Snapshot()
	v := view{Source: s.Source, Stale: s.Stale}
	if event, found := f.Event("aurora"); found {
		v.Name, v.Age = event.Name, time.Since(s.AsOf)
	}
	v.Left, v.Known = s.Available(general)
	return v
}

func TestSnapshotSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	booksDown := func(s *stores) { s.books = errAway }
	shelfDown := func(s *stores) { s.shelf = errAway }
	bothDown := func(s *stores) { booksDown(s); shelfDown(s) }
	cases := map[string]struct {
		reason string
		// before holds from the start; after for ten seconds, once the pod knows the stores.
		before, after func(*stores)
		want          view
	}{
		"all up": {want: view{Name: "Aurora", Source: storefront.Postgres, Left: 7, Known: true}},
		"ledger lost": {
			reason: "what the pod read itself is newer than the arbiter's copy; the stock is fresh",
			after:  booksDown,
			want:   view{Name: "Aurora", Source: storefront.Redis, Stale: true, Age: 10 * time.Second, Left: 7, Known: true},
		},
		"started without the ledger": {
			reason: "the arbiter's copy is as old as it says",
			before: booksDown,
			want: view{
				Name: "Aurora in Redis", Source: storefront.Redis, Stale: true, Age: time.Hour + 10*time.Second, Left: 7, Known: true,
			},
		},
		"arbiter lost": {
			reason: "the catalog is fresh, what is left is not",
			after:  shelfDown,
			want:   view{Name: "Aurora", Source: storefront.Postgres, Stale: true, Age: 10 * time.Second, Left: 7, Known: true},
		},
		"started without the arbiter": {
			reason: "nobody knows what is left",
			before: shelfDown,
			want:   view{Name: "Aurora", Source: storefront.Postgres, Stale: true},
		},
		"both lost": {
			reason: "memory goes on serving", after: bothDown,
			want: view{Name: "Aurora", Source: storefront.Memory, Stale: true, Age: 10 * time.Second, Left: 7, Known: true},
		},
		"started without any": {before: bothDown, want: view{Source: storefront.Memory, Stale: true}},
		"published anew while the ledger was away": {
			reason: "the newer copy counts",
			after: func(s *stores) {
				booksDown(s)
				s.state.Events, s.state.CatalogAt = catalog("Aurora II"), time.Now().Add(5*time.Second)
			},
			want: view{Name: "Aurora II", Source: storefront.Redis, Stale: true, Age: 5 * time.Second, Left: 7, Known: true},
		},
		"ledger hangs": {
			reason: "a ledger that hangs does not hold up the arbiter's news",
			after:  func(s *stores) { s.hang = true; s.state.Stock = map[ticketing.TierKey]int{general: 3} },
			want:   view{Name: "Aurora", Source: storefront.Redis, Stale: true, Age: 10 * time.Second, Left: 3, Known: true},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := healthy()
				if tc.before != nil {
					tc.before(s)
				}
				f := open(t, s)
				<-f.Primed()
				if tc.after != nil {
					s.set(tc.after)
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				got := viewOf(f)
				// The view is refreshed every second; the last one is of this very moment.
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s: view (-want +got):\n%s", tc.reason, diff)
				}
				if f.Loaded() != (tc.want.Name != "") {
					t.Errorf("Loaded = %v", f.Loaded())
				}
			})
		})
	}
}

func TestAnEmptyCatalogIsACatalog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := healthy()
		s.events, s.state.Events = nil, nil
		f := open(t, s)
		<-f.Primed()
		if _, found := f.Event("aurora"); found || !f.Loaded() {
			t.Errorf("found %v, loaded %v; want an empty catalog that is known", found, f.Loaded())
		}
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()
	type summary struct {
		Mode                      storefront.Mode
		Accepting                 bool
		Postgres, Redis, RabbitMQ bool
	}
	cases := map[string]struct {
		change func(*stores)
		want   summary
	}{
		"all up":          {func(*stores) {}, summary{storefront.Normal, true, true, true, true}},
		"ledger away":     {func(s *stores) { s.books = errAway }, summary{storefront.Async, true, false, true, true}},
		"consumer paused": {func(s *stores) { s.state.ConsumerPaused = true }, summary{storefront.Async, true, true, true, true}},
		"broker away":     {func(s *stores) { s.broker = false }, summary{storefront.Async, true, true, true, false}},
		"broker blocked":  {func(s *stores) { s.blocked = true }, summary{storefront.Async, true, true, true, false}},
		"arbiter away":    {func(s *stores) { s.shelf = errAway }, summary{storefront.Paused, false, true, false, true}},
		"sale not open":   {func(s *stores) { s.state.Epoch = "" }, summary{storefront.Paused, false, true, true, true}},
		"outbox full":     {func(s *stores) { s.state.Outbox = 100 }, summary{storefront.Paused, false, true, true, true}},
		"wrong settings":  {func(s *stores) { s.mayNot = errAway }, summary{storefront.Paused, false, true, true, true}},
		"all away": {
			func(s *stores) { s.books, s.shelf, s.broker = errAway, errAway, false },
			summary{storefront.Paused, false, false, false, false},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := healthy()
				tc.change(s)
				f := open(t, s)
				<-f.Primed()
				got := f.Status()
				diff := cmp.Diff(tc.want, summary{got.Mode, got.Accepting, got.Postgres.Up, got.Redis.Up, got.RabbitMQ.Up})
				if diff != "" {
					t.Errorf("status (-want +got):\n%s", diff)
				}
				if !got.RabbitMQ.Since.Equal(time.Now()) {
					t.Errorf("a broker that was never reached is so since %s, want the start", got.RabbitMQ.Since)
				}
				if f.Paused() != s.state.ConsumerPaused {
					t.Errorf("Paused = %v", f.Paused())
				}
			})
		})
	}
}

func TestLosingAndReachingAStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := healthy()
		f := open(t, s)
		<-f.Primed()
		start := time.Now()
		time.Sleep(5500 * time.Millisecond)
		s.set(func(s *stores) { s.books = errAway })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := f.Status().Postgres; got.Up || !got.Since.Equal(start.Add(6*time.Second)) {
			t.Errorf("postgres is %+v, want down since 6 s", got)
		}
		want := strings.NewReader(`
# HELP eventflow_purchase_store_up Whether the store answered this pod the last time it was asked: 1 or 0.
# TYPE eventflow_purchase_store_up gauge
eventflow_purchase_store_up{store="postgres"} 0
eventflow_purchase_store_up{store="redis"} 1
`)
		if err := testutil.GatherAndCompare(f.registry, want); err != nil {
			t.Error(err)
		}
		s.set(func(s *stores) { s.books = nil })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !f.Status().Postgres.Up {
			t.Error("postgres is still down")
		}
		for message, n := range map[string]int{"Lost a store": 1, "Reached a store": 3} {
			if got := strings.Count(f.log.String(), message); got != n {
				t.Errorf("%q was logged %d times, want %d:\n%s", message, got, n, f.log)
			}
		}
	})
}
