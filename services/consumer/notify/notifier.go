package notify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/eventflow-dev/eventflow/services/consumer/internal/retry"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

const (
	batchSize   = 50
	callTimeout = 5 * time.Second
	sendTimeout = 10 * time.Second
	// lease is how long claimed e-mails are this process's. Sending stops at half of
	// it, so that nobody else can have begun with the same one.
	lease     = 2 * time.Minute
	sendingBy = lease / 2
	// pollEvery is how long an empty outbox is left alone.
	pollEvery = 2 * time.Second
	// maxAttempts and the back-off between them span about half a day.
	maxAttempts = 20
	retryFirst  = 30 * time.Second
	retryMost   = time.Hour
	// The ledger is asked gently while it is away.
	outboxBase = 500 * time.Millisecond
	outboxCap  = 30 * time.Second
)

// Deps is what a Notifier works with.
type Deps struct {
	Outbox  Outbox
	Sender  Sender
	Logger  *slog.Logger
	Metrics *Metrics
	// Ready is closed once the ledger has its schema.
	Ready <-chan struct{}
}

// Metrics counts e-mails.
type Metrics struct{ emails *prometheus.CounterVec }

// NewMetrics registers the metrics of a Notifier.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{emails: promauto.With(registerer).NewCounterVec(prometheus.CounterOpts{
		Name: "eventflow_consumer_emails_total",
		Help: "E-mails tried, by result: sent, failed (tried again later), abandoned (a person must look).",
	}, []string{"result"})}
	for _, result := range []string{"sent", "failed", "abandoned"} {
		m.emails.WithLabelValues(result)
	}
	return m
}

// Notifier empties the ledger's e-mail outbox.
type Notifier struct {
	Deps
	backoff retry.Backoff
}

// New makes a Notifier.
func New(d Deps) *Notifier {
	return &Notifier{Deps: d, backoff: retry.Backoff{Base: outboxBase, Cap: outboxCap}}
}

// Run sends what is due until ctx ends. It survives any absence of the ledger and
// never returns an error. An e-mail that was sent and could not be marked is sent again.
func (n *Notifier) Run(ctx context.Context) error {
	select {
	case <-n.Ready:
	case <-ctx.Done():
		return nil
	}
	for next := time.Duration(0); retry.Sleep(ctx, next); {
		next = n.attempt(ctx)
	}
	return nil
}

// attempt sends one batch and returns the wait before the next.
func (n *Notifier) attempt(ctx context.Context) time.Duration {
	count, err := n.round(ctx)
	if err != nil {
		if ctx.Err() == nil && !n.backoff.Failing() {
			n.Logger.WarnContext(ctx, "Working through the e-mail outbox failed, trying on", telemetry.KeyError, err)
		}
		n.backoff.Failed()
		return n.backoff.Delay()
	}
	n.backoff.Reset()
	if count == batchSize {
		return 0
	}
	return pollEvery
}

// round claims, sends and marks one batch.
func (n *Notifier) round(ctx context.Context) (int, error) {
	claimCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	emails, err := n.Outbox.ClaimDue(claimCtx, batchSize, lease)
	if err != nil || len(emails) == 0 {
		return 0, err
	}
	sent, failures := n.sendAll(ctx, emails)
	return len(emails), n.mark(ctx, sent, failures)
}

// sendAll sends until it is done or the lease may end; the rest comes due again.
func (n *Notifier) sendAll(ctx context.Context, emails []Email) ([]EmailID, []Failure) {
	ctx, cancel := context.WithTimeout(ctx, sendingBy)
	defer cancel()
	var sent []EmailID
	var failures []Failure
	for _, e := range emails {
		if ctx.Err() != nil {
			break
		}
		err := n.send(ctx, e)
		switch {
		case err == nil:
			sent = append(sent, e.ID)
			n.Metrics.emails.WithLabelValues("sent").Inc()
		case ctx.Err() == nil:
			failures = append(failures, n.failure(ctx, e, err))
		}
	}
	return sent, failures
}

func (n *Notifier) send(ctx context.Context, e Email) error {
	message, err := Render(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return n.Sender.Send(ctx, message)
}

func (n *Notifier) failure(ctx context.Context, e Email, err error) Failure {
	f := Failure{ID: e.ID, Reason: err.Error()}
	if errors.Is(err, ErrUndeliverable) || e.Attempt >= maxAttempts {
		n.Metrics.emails.WithLabelValues("abandoned").Inc()
		n.Logger.ErrorContext(ctx, "Abandoned an e-mail",
			telemetry.KeyOrderID, string(e.ID.OrderID), "kind", string(e.ID.Kind), telemetry.KeyError, err)
		return f
	}
	n.Metrics.emails.WithLabelValues("failed").Inc()
	f.RetryAfter = retryAfter(e.Attempt)
	return f
}

// retryAfter doubles with each attempt, up to retryMost.
func retryAfter(attempt int) time.Duration {
	wait := retryFirst
	for range attempt - 1 {
		if wait >= retryMost {
			break
		}
		wait *= 2
	}
	return min(wait, retryMost)
}

// mark goes on after ctx has ended, or what was just sent would be sent again.
func (n *Notifier) mark(ctx context.Context, sent []EmailID, failures []Failure) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	var err error
	if len(sent) > 0 {
		err = n.Outbox.MarkSent(ctx, sent)
	}
	if len(failures) > 0 {
		err = errors.Join(err, n.Outbox.MarkFailed(ctx, failures))
	}
	return err
}
