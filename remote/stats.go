package remote

import (
	"maps"
	"math"
	"sync"
	"time"
)

// Stats are the counts of one server since the client was made. They depend on
// the network and the clock, so they belong beside results, never into them.
type Stats struct {
	Calls    int64          `json:"calls"`    // asked for
	Requests int64          `json:"requests"` // sent, retries included
	Retries  int64          `json:"retries"`  // requests after the first one of their call
	Faults   map[Kind]int64 `json:"faults"`   // requests that failed, by kind
	Failures map[Kind]int64 `json:"failures"` // calls that failed in the end, by kind
	Bytes    int64          `json:"bytes"`    // of replies
	WaitedS  float64        `json:"waited_s"` // seconds spent in retries and rate limits, over all calls
	Latency  Latency        `json:"latency"`  // of the requests that succeeded
}

// Latency is the distribution of a duration, in seconds. Quantiles are exact to
// 5 %.
type Latency struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Values are the counts as named numbers; those of kinds that did not occur are
// left out.
func (s Stats) Values() map[string]float64 {
	out := map[string]float64{
		"requests": float64(s.Requests), "retries": float64(s.Retries), "waited_seconds": s.WaitedS,
		"latency_p50": s.Latency.P50, "latency_p90": s.Latency.P90, "latency_p99": s.Latency.P99, "latency_max": s.Latency.Max,
	}
	for kind, n := range s.Faults {
		out["faults/"+string(kind)] = float64(n)
	}
	for kind, n := range s.Failures {
		out["failures/"+string(kind)] = float64(n)
	}
	return out
}

// meter counts; it is safe for concurrent use.
type meter struct {
	mu      sync.Mutex
	s       Stats
	buckets [256]int64 // successes with a latency up to bucketTop(i)
	n       int64
}

func newMeter() *meter {
	return &meter{s: Stats{Faults: map[Kind]int64{}, Failures: map[Kind]int64{}}}
}

// Buckets grow by a factor of 1.1 from 10 microseconds.
const (
	bucketBase   = 1e-5
	bucketGrowth = 1.1
)

func bucketTop(i int) float64 { return bucketBase * math.Pow(bucketGrowth, float64(i)) }

// update changes the counts under the lock.
func (m *meter) update(f func(s *Stats)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.s)
}

// success counts a reply and its latency.
func (m *meter) success(d time.Duration, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := d.Seconds()
	i := int(math.Ceil(math.Log(max(s, bucketBase)/bucketBase) / math.Log(bucketGrowth)))
	m.buckets[min(i, len(m.buckets)-1)]++
	m.n++
	m.s.Bytes += int64(bytes)
	m.s.Latency.Max = max(m.s.Latency.Max, s)
}

// snapshot is a copy of the counts.
func (m *meter) snapshot() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.s
	s.Faults, s.Failures = maps.Clone(s.Faults), maps.Clone(s.Failures)
	s.Latency.P50, s.Latency.P90, s.Latency.P99 = m.quantile(0.5), m.quantile(0.9), m.quantile(0.99)
	return s
}

// quantile is the middle of the bucket that holds the q-th share of the replies.
func (m *meter) quantile(q float64) float64 {
	var sum int64
	for i, n := range m.buckets {
		if sum += n; n > 0 && float64(sum) >= q*float64(m.n) {
			return min(bucketTop(i)/math.Sqrt(bucketGrowth), m.s.Latency.Max)
		}
	}
	return 0
}
