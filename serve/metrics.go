package serve

import (
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what the server counts: /metrics and the page.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec   // by route and status
	seconds     *prometheus.HistogramVec // by route
	samples     *prometheus.CounterVec   // by reward and outcome
	rewards     *prometheus.HistogramVec // by reward
	cached      prometheus.Counter
	joined      prometheus.Counter
	batchSize   prometheus.Histogram
	batchTime   prometheus.Histogram
	connections prometheus.Gauge
	reloads     *prometheus.CounterVec // by outcome

	begun time.Time
	mu    sync.Mutex
	last  [1024]float64 // seconds of the requests answered last
	n     int           // requests so far
	sum   map[string]*tally
}

// tally is what the page says of a reward.
type tally struct {
	scored, unscored int64
	sum              float64
	least, most      float64
	bins             [20]int64 // of the range -1..1
}

// newMetrics makes the metrics of one server.
func newMetrics(l *load) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "pgsrm", Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "pgsrm", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: "pgsrm", Name: name, Help: help, Buckets: buckets}
	}
	times := prometheus.ExponentialBuckets(0.0005, 2, 18)
	m := &metrics{
		registry: prometheus.NewRegistry(), begun: time.Now(), sum: map[string]*tally{},
		requests:    counters("requests_total", "Requests answered, by route and status.", "route", "status"),
		seconds:     prometheus.NewHistogramVec(histogram("request_seconds", "Time from the first byte of the body to the answer.", times), []string{"route"}),
		samples:     counters("samples_total", "Samples answered, by reward and outcome (scored, unscored, failed).", "reward", "outcome"),
		rewards:     prometheus.NewHistogramVec(histogram("reward", "Rewards given.", prometheus.LinearBuckets(-1, 0.1, 21)), []string{"reward"}),
		cached:      counter("samples_cached_total", "Samples whose score was remembered."),
		joined:      counter("samples_joined_total", "Samples that waited for an equal one."),
		batchSize:   prometheus.NewHistogram(histogram("batch_samples", "Samples scored together.", prometheus.ExponentialBuckets(1, 2, 14))),
		batchTime:   prometheus.NewHistogram(histogram("batch_seconds", "Time of scoring a batch.", times)),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "pgsrm", Name: "connections", Help: "Open connections."}),
		reloads:     counters("reloads_total", "Reloads of the configuration, by outcome (done, failed).", "outcome"),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "pgsrm", Name: "samples_in_flight", Help: "Samples that wait or are being scored."},
		func() float64 { return float64(l.now.Load()) })
	m.registry.MustRegister(m.requests, m.seconds, m.samples, m.rewards, m.cached, m.joined, m.batchSize, m.batchTime, m.connections, m.reloads, waiting,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// handler writes the metrics in the form of Prometheus.
func (m *metrics) handler() http.HandlerFunc {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}).ServeHTTP
}

// request counts one that was answered.
func (m *metrics) request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last[m.n%len(m.last)] = took.Seconds()
	m.n++
}

// batch counts one that was scored.
func (m *metrics) batch(samples int, took time.Duration) {
	m.batchSize.Observe(float64(samples))
	m.batchTime.Observe(took.Seconds())
}

// connection follows the life of connections.
func (m *metrics) connection(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		m.connections.Inc()
	case http.StateClosed, http.StateHijacked:
		m.connections.Dec()
	}
}

// count counts the outcomes of a request.
func (s *Server) count(d *desk, out []outcome) {
	m := s.metrics
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.sum[d.Name]
	if t == nil {
		t = &tally{least: math.Inf(1), most: math.Inf(-1)}
		m.sum[d.Name] = t
	}
	scored, unscored, failed := 0, 0, 0
	for i := range out {
		o := &out[i]
		if o.Err != nil {
			if problemOf(o.Err).retry {
				failed++
			} else {
				unscored++
			}
			continue
		}
		scored++
		t.sum += o.Reward
		t.least, t.most = min(t.least, o.Reward), max(t.most, o.Reward)
		t.bins[int(min(max((o.Reward+1)*10, 0), 19))]++
		d.observe(o.Reward)
	}
	t.scored, t.unscored = t.scored+int64(scored), t.unscored+int64(unscored+failed)
	d.add(scored, unscored, failed)
}

// counts of a desk, found once.
type deskCounts struct {
	scored, unscored, failed prometheus.Counter
	reward                   prometheus.Observer
}

func newDeskCounts(m *metrics, name string) deskCounts {
	return deskCounts{m.samples.WithLabelValues(name, "scored"), m.samples.WithLabelValues(name, "unscored"), m.samples.WithLabelValues(name, "failed"), m.rewards.WithLabelValues(name)}
}

func (c deskCounts) observe(reward float64) { c.reward.Observe(reward) }

func (c deskCounts) add(scored, unscored, failed int) {
	c.scored.Add(float64(scored))
	c.unscored.Add(float64(unscored))
	c.failed.Add(float64(failed))
}

// quantiles of the last requests in milliseconds: 50, 90 and 99 %; nil where there is none.
func (m *metrics) quantiles() []float64 {
	m.mu.Lock()
	recent := slices.Clone(m.last[:min(m.n, len(m.last))])
	m.mu.Unlock()
	if len(recent) == 0 {
		return nil
	}
	slices.Sort(recent)
	var out []float64
	for _, q := range []float64{0.5, 0.9, 0.99} {
		out = append(out, 1000*recent[int(q*float64(len(recent)-1))])
	}
	return out
}
