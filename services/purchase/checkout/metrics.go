package checkout

import (
	"errors"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Metrics counts and times what the use case does.
type Metrics struct {
	purchases   *prometheus.CounterVec
	cancelled   *prometheus.CounterVec
	reserve     prometheus.Histogram
	publish     prometheus.Histogram
	published   *prometheus.CounterVec
	relayed     *prometheus.CounterVec
	notAccepted prometheus.Counter
	lost        prometheus.Counter
}

// NewMetrics registers the metrics of the use case.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	factory := promauto.With(registerer)
	return &Metrics{
		purchases: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "eventflow_purchase_purchases_total",
			Help: "Purchases by how they ended: the order's state, or the code of the refusal.",
		}, []string{"result"}),
		cancelled: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "eventflow_purchase_cancellations_total",
			Help: "Cancellations by how they ended: cancelled (in the ledger), accepted (durable), or the code of the refusal.",
		}, []string{"result"}),
		reserve: factory.NewHistogram(telemetry.LatencyHistogram(
			"eventflow_purchase_reserve_duration_seconds", "Time the arbiter took to decide about a reservation.")),
		publish: factory.NewHistogram(telemetry.LatencyHistogram(
			"eventflow_purchase_publish_duration_seconds", "Time until the broker confirmed an order, or the publisher gave up.")),
		published: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "eventflow_purchase_published_total",
			Help: "Orders and cancellations handed to the broker at once, by result; all but confirmed are left to the relay.",
		}, []string{"result"}),
		relayed: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "eventflow_purchase_relayed_total",
			Help: "Orders and cancellations that the relay took from the outbox, by the result of publishing them.",
		}, []string{"result"}),
		notAccepted: factory.NewCounter(prometheus.CounterOpts{
			Name: "eventflow_purchase_not_accepted_total",
			Help: "Published orders and cancellations that stayed in the outbox because the arbiter could not be told.",
		}),
		lost: factory.NewCounter(prometheus.CounterOpts{
			Name: "eventflow_purchase_refused_by_ledger_total",
			Help: "Orders that the ledger had no room for after the arbiter had. Always 0: anything else is an alarm.",
		}),
	}
}

// resultOf names how a purchase ended, from a closed set.
func resultOf(r Record, err error) string {
	if err == nil {
		return strings.ToLower(string(r.State))
	}
	return failureOf(err)
}

// cancelResultOf names how a cancellation ended, from a closed set.
func cancelResultOf(c Cancelled, err error) string {
	switch {
	case err != nil:
		return failureOf(err)
	case c.Settled:
		return "cancelled"
	default:
		return "accepted"
	}
}

func failureOf(err error) string {
	if code := ticketing.ErrorCode(err); code != "" {
		return strings.ToLower(string(code))
	}
	return "internal"
}

// publishResult names the outcome of a publish, from a closed set.
func publishResult(err error) string {
	switch {
	case err == nil:
		return "confirmed"
	case errors.Is(err, ErrFenced):
		return "fenced"
	case errors.Is(err, ErrUnavailable):
		return "unavailable"
	default:
		return "unknown"
	}
}
