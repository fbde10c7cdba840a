package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry returns a registry that has the Go runtime, the process and the build in it.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "eventflow_build_info",
			Help:        "Always 1; the label names the build.",
			ConstLabels: prometheus.Labels{"version": Version()},
		}, func() float64 { return 1 }),
	)
	return registry
}

// MetricsHandler serves the registry at /metrics.
func MetricsHandler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	return mux
}

// LatencyHistogram describes a histogram of seconds, native and classic, for things
// that take from half a millisecond to ten seconds.
func LatencyHistogram(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:                            name,
		Help:                            help,
		Buckets:                         []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  160,
		NativeHistogramMinResetDuration: time.Hour,
	}
}

// UnknownRoute is the route label of requests that matched none.
const UnknownRoute = "none"

// HTTPMetrics counts and times the requests of one HTTP edge.
type HTTPMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// NewHTTPMetrics registers the request metrics of a component: eventflow_<component>_http_….
func NewHTTPMetrics(registerer prometheus.Registerer, component string) *HTTPMetrics {
	factory := promauto.With(registerer)
	prefix := "eventflow_" + component + "_http_"
	return &HTTPMetrics{
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "requests_total",
			Help: "Requests answered, by method, route pattern and status code.",
		}, []string{"method", "route", "code"}),
		duration: factory.NewHistogramVec(
			LatencyHistogram(prefix+"request_duration_seconds", "Time from a request's arrival to its answer, by route pattern."),
			[]string{"route"}),
		inFlight: factory.NewGauge(prometheus.GaugeOpts{
			Name: prefix + "requests_in_flight",
			Help: "Requests that are being answered now.",
		}),
	}
}

// Begin notes that a request has arrived; the caller calls End once for it.
func (m *HTTPMetrics) Begin() { m.inFlight.Inc() }

// End notes how a request was answered. route is the pattern that matched, not the path:
// "" counts as UnknownRoute. Methods outside the standard ones count as "OTHER".
func (m *HTTPMetrics) End(method, route string, status int, took time.Duration) {
	if route == "" {
		route = UnknownRoute
	}
	m.inFlight.Dec()
	m.requests.WithLabelValues(closedMethod(method), route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}

// closedMethod keeps the label's set closed: a client can send any token as the method.
func closedMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "OTHER"
	}
}
