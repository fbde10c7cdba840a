package report_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("connection refused")

// stores are books and backlog that fail, and take their time, as they are told to.
type stores struct {
	mu         sync.Mutex
	orders     int64
	booksErr   error
	backlogErr error
	takes      time.Duration
	reads      int
}

func (s *stores) SalesByTier(ctx context.Context) ([]report.TierSales, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.takes > 0 {
		s.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(s.takes):
		}
		s.mu.Lock()
	}
	if err := errors.Join(s.booksErr, ctx.Err()); err != nil {
		return nil, err
	}
	revenue, currency := 100*s.orders, "EUR"
	return []report.TierSales{{
		EventID: "aurora", EventName: "Aurora", TierID: "general",
		Orders: s.orders, Tickets: s.orders, Revenue: &revenue, Currency: &currency,
	}}, nil
}

func (s *stores) Pending(context.Context) ([]report.Pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.backlogErr != nil {
		return nil, s.backlogErr
	}
	return []report.Pending{{
		Tier:   ticketing.TierKey{EventID: "aurora", TierID: "general"},
		Orders: 2, Tickets: 4, Revenue: ticketing.Money{Amount: 400, Currency: "EUR"},
	}}, nil
}

func (s *stores) set(change func(s *stores)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// world is a Service among fakes, in a bubble of virtual time.
type world struct {
	*report.Service
	t      *testing.T
	stores *stores
	// start runs the service and lets it read for the first time.
	start func()
}

func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := &stores{orders: 3}
		s := report.New(report.Deps{
			Books: fake, Backlog: fake, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
			Metrics: report.NewMetrics(prometheus.NewRegistry()),
		})
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		test(&world{Service: s, t: t, stores: fake, start: func() {
			run.Go(func() {
				if err := s.Run(ctx); err != nil {
					t.Errorf("Run returned %v", err)
				}
			})
			synctest.Wait()
		}})
		cancel()
		run.Wait()
	})
}

func advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) known() report.Report {
	w.t.Helper()
	r, ok := w.Report()
	if !ok {
		w.t.Fatal("nothing is known")
	}
	return r
}

func TestServiceKnowsNothingAtFirst(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t, fake := w.t, w.stores
		fake.booksErr = errAway
		w.start()
		advance(time.Hour)
		if r, ok := w.Report(); ok {
			t.Errorf("reports %+v without the books having answered", r)
		}
		fake.set(func(f *stores) { f.booksErr = nil })
		advance(3 * time.Second)
		if r := w.known(); r.Stale || r.Orders != 3 {
			t.Errorf("report is %+v", r)
		}
	})
}

func TestServiceReportsWhatTheStoresSay(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t, fake := w.t, w.stores
		began := time.Now()
		w.start()
		euros := func(amount int64) []ticketing.Money { return []ticketing.Money{{Amount: amount, Currency: "EUR"}} }
		totals := report.Totals{Orders: 3, Tickets: 3, Revenue: euros(300)}
		pending := &report.Outstanding{Orders: 2, Tickets: 4, Revenue: euros(400)}
		want := report.Report{
			AsOf: began, Source: report.SourcePostgres, Totals: totals, Outstanding: pending,
			Events: []report.Event{{
				ID: "aurora", Name: "Aurora", Totals: totals, Outstanding: pending,
				Tiers: []report.Tier{{ID: "general", Totals: totals}},
			}},
		}
		if diff := cmp.Diff(want, w.known()); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		fake.set(func(f *stores) { f.orders = 4 })
		advance(3 * time.Second)
		r := w.known()
		if e, found := r.Event("aurora"); !found || e.Orders != 4 {
			t.Errorf("event is %+v, found %v", e, found)
		}
		if _, found := r.Event("boreal"); found {
			t.Error("found an event that there is not")
		}
	})
}

// The books are away: the last answer stands, marked stale, and pending goes on being known.
func TestServiceAnswersFromMemoryDuringAnOutage(t *testing.T) {
	t.Parallel()
	cases := map[string]func(f *stores){
		"refused":    func(f *stores) { f.booksErr = errAway },
		"black hole": func(f *stores) { f.takes = time.Hour },
	}
	for name, fault := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				t, fake := w.t, w.stores
				w.start()
				fresh := w.known()
				fake.set(fault)
				advance(8 * time.Second)
				r := w.known()
				if !r.Stale || r.Source != report.SourceMemory || !r.AsOf.Equal(fresh.AsOf) || r.Orders != 3 || r.Outstanding == nil {
					t.Errorf("report is %+v", r)
				}
				advance(24 * time.Hour)
				fake.set(func(f *stores) { f.booksErr, f.takes = nil, 0 })
				advance(8 * time.Second)
				if r := w.known(); r.Stale || r.Source != report.SourcePostgres || time.Since(r.AsOf) > 8*time.Second {
					t.Errorf("report after the outage is %+v", r)
				}
			})
		})
	}
}

func TestServiceDoesNotKnowWhatIsPendingWithoutTheArbiter(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t, fake := w.t, w.stores
		w.start()
		fake.set(func(f *stores) { f.backlogErr = errAway })
		advance(3 * time.Second)
		r := w.known()
		if r.Outstanding != nil || r.Events[0].Outstanding != nil {
			t.Errorf("pending is %+v, want unknown", r.Outstanding)
		}
		if r.Stale {
			t.Error("the books are called stale because the arbiter is away")
		}
	})
}

// A heavy report leaves the ledger most of its time.
func TestServiceReadsSlowBooksLessOften(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t, fake := w.t, w.stores
		fake.takes = 2 * time.Second
		w.start()
		advance(100 * time.Second)
		if fake.reads < 9 || fake.reads > 11 {
			t.Errorf("the books were read %d times in 100 s, want once in 10 s", fake.reads)
		}
		if r := w.known(); r.Stale {
			t.Error("the report is stale")
		}
	})
}

func TestMetricsAreWellFormed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	report.NewMetrics(registry)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
