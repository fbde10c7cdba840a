package fulfil

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// The states of a consumer, as its metric names them.
const (
	stateConsuming = "consuming"
	statePaused    = "paused"
	stateStopped   = "stopped"
)

// Why a message was parked, as its metric and log line name it.
const (
	reasonPoison   = "poison"
	reasonRejected = "rejected"
)

// Metrics counts what a Consumer does.
type Metrics struct {
	states           *prometheus.GaugeVec
	batch            prometheus.Histogram
	commit           *prometheus.HistogramVec
	settled          *prometheus.CounterVec
	repeated         prometheus.Counter
	parked           *prometheus.CounterVec
	sessions         *prometheus.CounterVec
	unsettled        prometheus.Gauge
	unsettledDropped prometheus.Counter
	settleFailures   prometheus.Counter
}

// NewMetrics registers the metrics of a Consumer.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	factory := promauto.With(registerer)
	m := &Metrics{
		states: factory.NewGaugeVec(prometheus.GaugeOpts{
			Name: "eventflow_consumer_state",
			Help: "1 for the state that the consumer is in: consuming, paused (ledger or queue away) or stopped.",
		}, []string{"state"}),
		batch: factory.NewHistogram(prometheus.HistogramOpts{
			Name: "eventflow_consumer_batch_orders", Help: "Messages in a batch.",
			Buckets: []float64{1, 2, 5, 10, 25, 50, 100, 250, 500},
		}),
		commit: factory.NewHistogramVec(
			telemetry.LatencyHistogram("eventflow_consumer_commit_seconds", "Time to commit a batch to the ledger, by result."),
			[]string{"result"}),
		settled: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "eventflow_consumer_settled_total",
			Help: "Orders newly written to the ledger, or cancelled in it, by state. REFUSED above zero means that the arbiter oversold.",
		}, []string{"state"}),
		repeated: factory.NewCounter(prometheus.CounterOpts{
			Name: "eventflow_consumer_repeated_total", Help: "Orders that came again and were in the ledger already.",
		}),
		parked: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "eventflow_consumer_parked_total", Help: "Messages put into the dead-letter queue, by reason.",
		}, []string{"reason"}),
		sessions: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "eventflow_consumer_sessions_total", Help: "Queue sessions that ended, by why.",
		}, []string{"reason"}),
		unsettled: factory.NewGauge(prometheus.GaugeOpts{
			Name: "eventflow_consumer_unsettled_orders", Help: "Orders in the ledger that the arbiter has not been told about yet.",
		}),
		unsettledDropped: factory.NewCounter(prometheus.CounterOpts{
			Name: "eventflow_consumer_unsettled_dropped_total", Help: "Orders that the arbiter will not be told about by this process.",
		}),
		settleFailures: factory.NewCounter(prometheus.CounterOpts{
			Name: "eventflow_consumer_settle_failures_total", Help: "Failed attempts to settle orders in the arbiter.",
		}),
	}
	// A counter that is there from the start can be alerted on from its first increment.
	for _, state := range []ticketing.State{ticketing.StateConfirmed, ticketing.StateRefused, ticketing.StateCancelled} {
		m.settled.WithLabelValues(string(state))
	}
	for _, reason := range []string{reasonPoison, reasonRejected} {
		m.parked.WithLabelValues(reason)
	}
	return m
}

func (m *Metrics) state(now string) {
	for _, state := range []string{stateConsuming, statePaused, stateStopped} {
		value := 0.0
		if state == now {
			value = 1
		}
		m.states.WithLabelValues(state).Set(value)
	}
}

func commitResult(err error) string {
	var rejected *RejectedError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrUnavailable):
		return "unavailable"
	case errors.As(err, &rejected):
		return "rejected"
	default:
		return "error"
	}
}

func sessionResult(why error) string {
	switch {
	case errors.Is(why, errLedgerAway):
		return "ledger_away"
	case errors.Is(why, errOutgrown):
		return "outgrown"
	case errors.Is(why, errHeld):
		return "held"
	case errors.Is(why, errSessionEnded):
		return "lost"
	case errors.Is(why, context.Canceled):
		return "stopped"
	default:
		return "failed"
	}
}
