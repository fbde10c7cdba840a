package report

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

const (
	booksTimeout   = 5 * time.Second
	backlogTimeout = time.Second
	// refreshEvery is the pause between two readings. A reading that takes long is
	// followed by a pause of restFactor times as long, so that reports take at most a
	// fifth of one of the ledger's cores from selling.
	refreshEvery = 2 * time.Second
	restFactor   = 4
	// staleAfter is when an answer that has not been refreshed, for whatever reason, is stale.
	staleAfter = 30 * time.Second
	// pendingFor is how long what was read about pending orders counts as known.
	pendingFor = 10 * time.Second
)

// Source says where an answer comes from.
type Source string

// The sources of an answer.
const (
	// SourcePostgres: the books, read a moment ago.
	SourcePostgres Source = "postgres"
	// SourceMemory: the last answer of the books, which are away now.
	SourceMemory Source = "memory"
)

// Report is what is known about sales.
type Report struct {
	// AsOf is when the books were read.
	AsOf   time.Time
	Source Source
	Stale  bool
	Totals
	// Outstanding is nil where it is not known.
	Outstanding *Outstanding
	Events      []Event
}

// Event returns the part of the event with the id.
func (r Report) Event(id string) (Event, bool) {
	for _, e := range r.Events {
		if e.ID == id {
			return e, true
		}
	}
	return Event{}, false
}

// Deps is what a Service works with.
type Deps struct {
	Books   Books
	Backlog Backlog
	Logger  *slog.Logger
	Metrics *Metrics
	Now     func() time.Time
}

// Metrics counts and times what a Service reads.
type Metrics struct{ refresh *prometheus.HistogramVec }

// NewMetrics registers the metrics of a Service.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	return &Metrics{refresh: promauto.With(registerer).NewHistogramVec(
		telemetry.LatencyHistogram("eventflow_analytics_refresh_seconds",
			"Time to read from a store, by store and result."),
		[]string{"store", "result"})}
}

// Service answers from memory what it reads in the background. Who asks never waits for a store.
type Service struct {
	Deps
	books   reading[booksView]
	backlog reading[[]Pending]
}

// booksView is what one reading of the books came to.
type booksView struct {
	total  Totals
	events []Event
}

// reading is the last good answer of a store and whether it still gives any.
type reading[T any] struct {
	last    atomic.Pointer[dated[T]]
	failing atomic.Bool
}

type dated[T any] struct {
	value T
	at    time.Time
}

// New makes a Service; Run makes it know anything.
func New(d Deps) *Service { return &Service{Deps: d} }

// Report returns what is known, and false where the books have not answered since the start.
func (s *Service) Report() (Report, bool) {
	books := s.books.last.Load()
	if books == nil {
		return Report{}, false
	}
	now := s.Now()
	r := Report{AsOf: books.at, Source: SourcePostgres, Totals: books.value.total}
	if s.books.failing.Load() || now.Sub(books.at) > staleAfter {
		r.Source, r.Stale = SourceMemory, true
	}
	pending := s.backlog.last.Load()
	known := pending != nil && !s.backlog.failing.Load() && now.Sub(pending.at) <= pendingFor
	if known {
		r.Outstanding = outstanding(pending.value, "")
	}
	// The view is shared by all answers; only copies of its events may be completed.
	r.Events = make([]Event, len(books.value.events))
	for i, e := range books.value.events {
		if known {
			e.Outstanding = outstanding(pending.value, e.ID)
		}
		r.Events[i] = e
	}
	return r, true
}

// Run reads both stores, each by itself, until ctx ends. It never returns an error.
func (s *Service) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	loops.Go(func() {
		watch(ctx, s, "postgres", &s.books, func(ctx context.Context) (booksView, error) {
			ctx, cancel := context.WithTimeout(ctx, booksTimeout)
			defer cancel()
			rows, err := s.Books.SalesByTier(ctx)
			total, events := summarize(rows)
			return booksView{total: total, events: events}, err
		})
	})
	loops.Go(func() {
		watch(ctx, s, "redis", &s.backlog, func(ctx context.Context) ([]Pending, error) {
			ctx, cancel := context.WithTimeout(ctx, backlogTimeout)
			defer cancel()
			return s.Backlog.Pending(ctx)
		})
	})
	loops.Wait()
	return nil
}

// watch keeps into up to date until ctx ends.
func watch[T any](ctx context.Context, s *Service, store string, into *reading[T], read func(context.Context) (T, error)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := s.Now()
		value, err := read(ctx)
		if ctx.Err() != nil {
			return
		}
		took := s.Now().Sub(began)
		s.note(store, took, err)
		rest := refreshEvery
		if err == nil {
			into.last.Store(&dated[T]{value: value, at: began})
			rest = max(rest, restFactor*took)
		}
		failed := into.failing.Swap(err != nil)
		switch {
		case err != nil && !failed:
			s.Logger.WarnContext(ctx, "Reading a store failed, answering from memory",
				telemetry.KeyStore, store, telemetry.KeyError, err)
		case err == nil && failed:
			s.Logger.InfoContext(ctx, "Store answers again", telemetry.KeyStore, store)
		}
		timer.Reset(rest)
	}
}

func (s *Service) note(store string, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	s.Metrics.refresh.WithLabelValues(store, result).Observe(took.Seconds())
}
