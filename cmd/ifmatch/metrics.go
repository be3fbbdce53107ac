package main

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics count what is asked and answered, for a Prometheus that reads them on a listener of their own. A
// request pays two readings of the clock and a few atomic additions; what the trees counted is read when
// somebody scrapes (treemetrics.go). nil counts nothing and costs nothing. Safe for concurrent use.
type metrics struct {
	ln       net.Listener
	site     *site
	registry *prometheus.Registry

	requests       *prometheus.CounterVec   // by method and status
	seconds        *prometheus.HistogramVec // by method
	inFlight       prometheus.Gauge
	received, sent prometheus.Counter
	refused        map[int]prometheus.Counter // by status
}

// The values of labels are ours and few: whatever else a client sends is "other".
var (
	countedMethods = strings.Split(corsMethods, ", ")
	writeMethods   = []string{http.MethodPut, http.MethodDelete, "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"}
	countedStatus  = statusWords()
	reasons        = map[int]string{http.StatusPreconditionFailed: "precondition_failed", http.StatusLocked: "locked", http.StatusPreconditionRequired: "precondition_required"}
)

// latencies are the bounds of the buckets of a request's time, in seconds: from an answer out of the cache to an
// upload over a phone.
var latencies = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}

// openMetrics listens where --metrics says; nil without it.
func openMetrics(s *settings, site *site) (*metrics, error) {
	if s.metrics.addr == "" {
		return nil, nil
	}
	ln, err := s.metrics.listen()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return newMetrics(ln, site), nil
}

func newMetrics(ln net.Listener, s *site) *metrics {
	m := &metrics{ln: ln, site: s, registry: prometheus.NewRegistry(), refused: map[int]prometheus.Counter{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ifmatch_http_requests_total",
			Help: "Requests that were answered."}, []string{"method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ifmatch_http_request_duration_seconds", Buckets: latencies,
			Help: "Time from the header of a request to the end of its answer; event streams apart."}, []string{"method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ifmatch_http_requests_in_flight",
			Help: "Requests that are being answered, event streams among them."}),
		received: prometheus.NewCounter(prometheus.CounterOpts{Name: "ifmatch_http_received_bytes_total", Help: "Bytes of the bodies of requests."}),
		sent:     prometheus.NewCounter(prometheus.CounterOpts{Name: "ifmatch_http_sent_bytes_total", Help: "Bytes of the bodies of answers."}),
	}
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ifmatch_refused_writes_total",
		Help: "Writes that changed nothing: the state was another one (412), somebody else has a lock (423), no condition was given (428)."}, []string{"reason"})
	for status, reason := range reasons {
		m.refused[status] = refused.WithLabelValues(reason)
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "ifmatch_build_info", Help: "1, with the version that runs.",
		ConstLabels: prometheus.Labels{"version": version(), "goversion": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.inFlight, m.received, m.sent, refused, build, treeMetrics{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// answered counts one request; status 0: there was no answer.
func (m *metrics) answered(method string, status int, took time.Duration, stream bool) {
	if !slices.Contains(countedMethods, method) {
		method = "other"
	}
	word := "other"
	if status < len(countedStatus) {
		word = countedStatus[status]
	}
	m.requests.WithLabelValues(method, word).Inc()
	if !stream {
		m.seconds.WithLabelValues(method).Observe(took.Seconds())
	}
	if c := m.refused[status]; c != nil && slices.Contains(writeMethods, method) {
		c.Inc()
	}
}

// statusWords are statuses as labels, made once.
func statusWords() (words [600]string) {
	for status := range words {
		words[status] = strconv.Itoa(status)
	}
	words[0] = "none"
	return words
}
