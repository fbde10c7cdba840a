package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBroken = errors.New("connection refused")

// sender notes what it is given, and fails as it is told to.
type sender struct {
	mu   sync.Mutex
	err  error
	hang bool
	sent []string
	at   []time.Time
}

func (s *sender) Send(ctx context.Context, m notify.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Now())
	if s.hang {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return ctx.Err()
	}
	if s.err != nil {
		return s.err
	}
	s.sent = append(s.sent, string(m.ID.OrderID))
	return nil
}

func (s *sender) set(change func(s *sender)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *sender) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.sent))
}

type world struct {
	t        *testing.T
	ledger   *memory.Ledger
	sender   *sender
	registry *prometheus.Registry
	log      *bytes.Buffer
	ready    chan struct{}
}

func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t:      t,
			ledger: memory.NewLedger(time.Now), sender: &sender{}, registry: prometheus.NewRegistry(),
			log: &bytes.Buffer{}, ready: make(chan struct{}),
		}
		n := notify.New(notify.Deps{
			Outbox: w.ledger, Sender: w.sender, Ready: w.ready,
			Logger: slog.New(slog.NewJSONHandler(w.log, nil)), Metrics: notify.NewMetrics(w.registry),
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := n.Run(ctx); err != nil {
				t.Errorf("Run returned %v", err)
			}
		}()
		test(w)
		cancel()
		<-ended
	})
}

func advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// sell commits orders first to last, which puts their e-mails into the outbox.
func (w *world) sell(t *testing.T, first, last int) (ids []string) {
	t.Helper()
	event := ticketing.Event{ID: "aurora", Name: "Aurora", Tiers: []ticketing.Tier{{
		ID: "general", Name: "General", Price: ticketing.Money{Amount: 1, Currency: "EUR"}, Capacity: 1000,
	}}}
	if err := w.ledger.SaveCatalog(t.Context(), []ticketing.Event{event}); err != nil {
		t.Fatal(err)
	}
	for n := first; n <= last; n++ {
		o := makeEmail("es", notify.KindConfirmation).Order
		o.ID = ticketing.OrderID(fmt.Sprintf("00000000-0000-8000-8000-%012d", n))
		if _, err := w.ledger.Commit(t.Context(), []ticketing.Order{o}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(o.ID))
	}
	return ids
}

func (w *world) wantEmails(t *testing.T, result string, want int) {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		if m.GetLabel()[0].GetValue() == result && int(m.GetCounter().GetValue()) != want {
			t.Errorf("%g e-mails are counted as %s, want %d", m.GetCounter().GetValue(), result, want)
		}
	}
}

func TestNotifierSendsEachEmailOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		want := w.sell(t, 1, 120)
		advance(time.Minute)
		if got := w.sender.got(); len(got) != 0 {
			t.Errorf("%d e-mails were sent before the ledger was ready", len(got))
		}
		close(w.ready)
		advance(time.Second)
		if diff := cmp.Diff(want, w.sender.got()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		want = append(want, w.sell(t, 121, 121)...)
		advance(3 * time.Second)
		advance(time.Hour)
		if diff := cmp.Diff(want, w.sender.got()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		w.wantEmails(t, "sent", 121)
	})
}

func TestNotifierSurvivesTheLedger(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		want := w.sell(t, 1, 3)
		w.ledger.Fail(errBroken)
		close(w.ready)
		advance(time.Hour)
		w.ledger.Fail(nil)
		advance(31 * time.Second)
		if diff := cmp.Diff(want, w.sender.got()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		if lines := strings.Count(w.log.String(), "connection refused"); lines != 1 {
			t.Errorf("the outage was logged %d times, want once", lines)
		}
	})
}

// A mail server that is away for long: tried less and less often, then given up.
func TestNotifierTriesAgainWithBackOff(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		w.sender.err = errBroken
		w.sell(t, 1, 1)
		close(w.ready)
		advance(48 * time.Hour)
		if tries := len(w.sender.at); tries != 20 {
			t.Fatalf("%d attempts, want 20", tries)
		}
		for i, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
			if got := w.sender.at[i+1].Sub(w.sender.at[i]); got < want || got > want+3*time.Second {
				t.Errorf("wait %d is %s, want %s", i+1, got, want)
			}
		}
		if last := w.sender.at[19].Sub(w.sender.at[18]); last < time.Hour || last > time.Hour+3*time.Second {
			t.Errorf("the last wait is %s, want an hour", last)
		}
		w.wantEmails(t, "failed", 19)
		w.wantEmails(t, "abandoned", 1)
	})
}

func TestNotifierAbandonsWhatCannotBeDelivered(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		w.sender.err = fmt.Errorf("send: %w: 550 no such user", notify.ErrUndeliverable)
		w.sell(t, 1, 1)
		close(w.ready)
		advance(24 * time.Hour)
		if tries := len(w.sender.at); tries != 1 {
			t.Errorf("%d attempts, want 1", tries)
		}
		w.wantEmails(t, "abandoned", 1)
	})
}

// A mail server that hangs: sending stops before the lease ends, and the rest comes again.
func TestNotifierKeepsWithinItsLease(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		t := w.t
		w.sender.hang = true
		want := w.sell(t, 1, 40)
		close(w.ready)
		advance(85 * time.Second)
		if tries := len(w.sender.at); tries < 6 || tries > 7 {
			t.Errorf("%d attempts in the first lease, want one in 10 s for half of its two minutes", tries)
		}
		w.sender.set(func(s *sender) { s.hang = false })
		advance(10 * time.Minute)
		if diff := cmp.Diff(want, w.sender.got()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
	})
}

func TestLogSenderTellsNothingPersonal(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := notify.NewLogSender(slog.New(slog.NewJSONHandler(&log, nil)))
	m, err := notify.Render(makeEmail("es", notify.KindConfirmation))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"orderID":"0192-ab"`, `"kind":"confirmation"`, `"locale":"es"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log.String())
		}
	}
	for _, secret := range []string{"ada", "Ada", "Aurora"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log tells %s: %s", secret, log.String())
		}
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	notify.NewMetrics(registry)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
