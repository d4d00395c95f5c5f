package backend

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// MetricsPath is where Operations shows the metrics.
const MetricsPath = "/metrics"

// metrics count what the audit lines tell one by one. Labels are words of this program, never a store, a rig or
// anything else that a client can choose: their number is known. The codes of the rigs' conditions alone are theirs, and
// fleet bounds them.
type metrics struct {
	registry   *prometheus.Registry
	issued     prometheus.Counter
	refused    *prometheus.CounterVec
	problems   *prometheus.CounterVec
	signing    prometheus.Counter
	heartbeats prometheus.Counter
	seconds    *prometheus.HistogramVec
}

func newMetrics(rigs *fleet) *metrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "shelf_backend_" + name, Help: help}
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		issued:   prometheus.NewCounter(counter("tickets_issued_total", "Tickets that left.")),
		refused: prometheus.NewCounterVec(
			counter("tickets_refused_total", "Frames that got no ticket, for good."), []string{"code"}),
		problems: prometheus.NewCounterVec(
			counter("problems_total", "Requests that were refused as a whole."), []string{"code"}),
		signing: prometheus.NewCounter(
			counter("signing_failures_total", "Requests for tickets that could not be signed: no credentials, or an SDK that leaves something unsigned.")),
		heartbeats: prometheus.NewCounter(counter("heartbeats_total", "Heartbeats of rigs.")),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "shelf_backend_request_seconds", Help: "Time to answer, with reading the request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"path"}),
	}
	for _, code := range []string{RefusedTooLarge, RefusedContentType, RefusedCamera, RefusedTooManyCamera, RefusedCanary} {
		m.refused.WithLabelValues(code) // so that a rate is 0, not absent, before the first
	}
	m.registry.MustRegister(m.issued, m.refused, m.problems, m.signing, m.heartbeats, m.seconds, rigs,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe books a request's time. Paths that are nobody's are one.
func (b *Backend) observe(r *http.Request, began time.Time) {
	path := r.URL.Path
	if _, known := b.routes[path]; !known {
		path = "other"
	}
	b.metrics.seconds.WithLabelValues(path).Observe(time.Since(began).Seconds())
}

// Operations is the handler for those who run the backend: GET /metrics and GET /healthz, neither with a client
// certificate. It tells nothing of a single store, but it belongs on a loopback address all the same, and never on
// the listener that rigs reach.
func (b *Backend) Operations() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+MetricsPath, promhttp.HandlerFor(b.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET "+HealthPath, func(w http.ResponseWriter, r *http.Request) { b.respond(w, r, b.health) })
	return mux
}
