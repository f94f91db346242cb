package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgsrm/kernel"
)

// fakeClock stands still unless a test moves it.
type fakeClock struct{ t time.Time }

func (c *fakeClock) now() time.Time       { return c.t }
func (c *fakeClock) pass(seconds float64) { c.t = c.t.Add(time.Duration(seconds * 1e9)) }
func near(got, want float64) bool         { return math.Abs(got-want) <= 1e-9*math.Abs(want) }
func hasPrefix(err error, prefix string) bool {
	return err != nil && strings.HasPrefix(err.Error(), prefix)
}

// newFake is a session of one thread on a clock that only the test moves.
func newFake(t *testing.T, o Options, enough time.Duration) (*session, *fakeClock) {
	t.Helper()
	o.Threads = max(o.Threads, 1)
	s, c := newSession(o, enough), &fakeClock{time.Unix(0, 0)}
	t.Cleanup(s.pool.Close)
	s.now = c.now
	return s, c
}

// Two runs do not count, making inputs is not measured, and the median and the least of the others are returned.
func TestMeasureCountsRunsAlone(t *testing.T) {
	s, c := newFake(t, Options{Repeat: 4}, 0)
	seconds, prepared := []float64{0.001, 9, 8, 2, 5, 3}, 0
	runs := 0
	got, err := s.measure(t.Context(), work{
		prepare: func() { prepared++; c.pass(100) },
		run: func() error {
			if prepared != runs+1 {
				t.Errorf("run %d: inputs were made %d times", runs, prepared)
			}
			c.pass(seconds[runs])
			runs++
			return nil
		},
	})
	if err != nil || runs != 6 || got.runs != 4 || got.median != 4 || got.least != 2 {
		t.Errorf("got %+v, %v after %d runs, want 4 runs with median 4 and least 2", got, err, runs)
	}
}

// Short work is repeated until it has taken enough time, but not for ever.
func TestMeasureRepeatsShortWork(t *testing.T) {
	for _, k := range []struct {
		enough  time.Duration
		seconds float64
		runs    int
	}{{10 * time.Second, 1, 10}, {10 * time.Second, 4, 3}, {time.Second, 7, 2}, {time.Hour, 1, mostRuns}} {
		s, c := newFake(t, Options{Repeat: 2}, k.enough)
		got, err := s.measure(t.Context(), work{run: func() error { c.pass(k.seconds); return nil }})
		if err != nil || got.runs != k.runs {
			t.Errorf("%v of %v s: got %d runs, %v, want %d", k.enough, k.seconds, got.runs, err, k.runs)
		}
	}
}

var sink [][]byte

// The allocations of a run are its own.
func TestMeasureCountsAllocations(t *testing.T) {
	s, _ := newFake(t, Options{Repeat: 5}, 0)
	got, err := s.measure(t.Context(), work{
		prepare: func() { sink = [][]byte{make([]byte, 1<<20)} },
		run: func() error {
			for range 50 {
				sink = append(sink[:0:1], make([]byte, 1000))
			}
			return nil
		},
	})
	if err != nil || got.allocs < 50 || got.allocs > 60 || got.bytes < 50*1000 || got.bytes > 1<<18 {
		t.Errorf("got %+v, %v, want 50 allocations of 1000 bytes", got, err)
	}
}

// The limit of a row is the peak between its runs, not the best that the machine ever had.
func TestPeakBetweenRuns(t *testing.T) {
	s, c := newFake(t, Options{Repeat: 3, Threads: 1}, 0)
	s.machine.Kernel = "some"
	s.now = func() time.Time { c.pass(0.25); return c.t } // a run and a look at the peak take as long
	s.peakRounds = 100
	const flops = 2 * 384 * 100 * 5 // a tenth of the time of a run, of which 100 rounds are 5 ms
	row, err := timed("x", "s", 0, func(*session) (work, error) {
		return work{run: func() error { return nil }, limit: []cost{{flops: flops / 4}}}, nil
	}).measure(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if row.compare(Machine{Peak: 1000 * row.Peak, Memory: 1}); !near(row.Peak, flops/0.25/1e9) || !near(*row.ShareOfLimit, 0.25) {
		t.Errorf("got the peak %v and the share %v", row.Peak, *row.ShareOfLimit)
	}
}

func TestMeasureStops(t *testing.T) {
	s, _ := newFake(t, Options{Repeat: 5}, 0)
	broken, runs := errors.New("broken"), 0
	if _, err := s.measure(t.Context(), work{run: func() error { runs++; return broken }}); err != broken || runs != 1 {
		t.Errorf("got %v after %d runs", err, runs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	runs = 0
	if _, err := s.measure(ctx, work{run: func() error { runs++; cancel(); return nil }}); !errors.Is(err, context.Canceled) || runs != 1 {
		t.Errorf("got %v after %d runs", err, runs)
	}
}

// A row gives units a second of the median and best run, or the seconds themselves.
func TestTimedRows(t *testing.T) {
	limit := []cost{{flops: 7}}
	for units, want := range map[float64][2]float64{0: {3, 2}, 12: {4, 6}} {
		s, c := newFake(t, Options{Repeat: 3}, 0)
		seconds := []float64{1, 1, 2, 3, 4}
		r := timed("x", "things/s", units, func(got *session) (work, error) {
			if got != s {
				t.Error("must have the session")
			}
			return work{note: "so", limit: limit, run: func() error {
				c.pass(seconds[0])
				seconds = seconds[1:]
				return nil
			}}, nil
		})
		row, err := r.measure(t.Context(), s)
		if err != nil || row.Value != want[0] || row.Best != want[1] || row.Runs != 3 || row.Note != "so" || row.seconds != 3 || !slices.Equal(row.costs, limit) {
			t.Errorf("%v units: got %+v, %v, want %v", units, row, err, want)
		}
		if row.Allocs == nil || row.AllocBytes == nil || r.name != "x" || r.unit != "things/s" {
			t.Errorf("got %+v", row)
		}
	}
	broken := errors.New("broken")
	s, _ := newFake(t, Options{Repeat: 1}, 0)
	if _, err := timed("x", "s", 0, func(*session) (work, error) { return work{}, broken }).measure(t.Context(), s); err != broken {
		t.Errorf("got %v", err)
	}
}

// The share is that of the least time; the limit is less in seconds and more in units a second.
func TestCompare(t *testing.T) {
	m := Machine{Peak: 100, Memory: 10}
	for unit, want := range map[string]float64{"s": 0.5, "tokens/s": 8} {
		r := Row{Value: 2, Unit: unit, seconds: 2, costs: []cost{{flops: 5e10}}}
		r.compare(m)
		if r.ShareOfLimit == nil || *r.ShareOfLimit != 0.25 || *r.Limit != want {
			t.Errorf("%s: got %v and %v, want 0.25 and %v", unit, *r.ShareOfLimit, *r.Limit, want)
		}
	}
	r := Row{Value: 2, seconds: 2}
	if r.compare(m); r.ShareOfLimit != nil || r.Limit != nil {
		t.Errorf("a row without a limit: got %+v", r)
	}
}

// The machine's figures are those of the best trial and are never lowered.
func TestMeasureMachine(t *testing.T) {
	s, c := newFake(t, Options{Threads: 2}, 0)
	s.machine.Kernel = "some"
	looks := 0
	s.now = func() time.Time { // a trial takes 1 s, but one of each kind 0.5 s
		if looks++; looks%2 == 0 {
			if c.pass(0.5); looks/2 != 3 && looks/2 != peakTrials+2 {
				c.pass(0.5)
			}
		}
		return c.t
	}
	const rounds, bytes = 10, 1 << 20
	wantPeak, wantMemory := 2*384*rounds*2/0.5/1e9, bytes/0.5/1e9
	for range 2 { // the second time no trial is as fast
		if err := s.measureMachine(t.Context(), rounds, bytes); err != nil {
			t.Fatal(err)
		}
		if !near(s.machine.Peak, wantPeak) || !near(s.machine.Memory, wantMemory) {
			t.Errorf("got %+v, want %v and %v", s.machine, wantPeak, wantMemory)
		}
	}
	if looks != 2*2*(peakTrials+memoryTrials) {
		t.Errorf("got %d looks at the clock", looks)
	}
	slow, c := newFake(t, Options{}, 0)
	slow.machine.Kernel = "go"
	slow.now = func() time.Time { c.pass(1); return c.t }
	if err := slow.measureMachine(t.Context(), 40, 1<<12); err != nil || !near(slow.machine.Peak, 2*384*2/1e9) {
		t.Errorf("pure Go: got %v, %v", slow.machine.Peak, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.measureMachine(ctx, rounds, bytes); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A step has its operations by time, then what lies between them and waiting; all together take its time.
func TestSplit(t *testing.T) {
	const sec = time.Second
	m := Machine{Peak: 100, Memory: 10}
	got := m.split([]partTimes{
		{"forward", kernel.Times{Wall: 6 * sec, Rest: sec, Waiting: []time.Duration{0, 2 * sec}, Ops: []kernel.OpTime{
			{Cost: kernel.Cost{Name: "LayerNorm", Bytes: 5e9}, Calls: 2, Busy: []time.Duration{sec, sec}},
			{Cost: kernel.Cost{Name: "MatMul", FLOPs: 15e10}, Calls: 3, Busy: []time.Duration{4 * sec, 3 * sec}},
		}}},
		{"update", kernel.Times{Wall: 2 * sec, Rest: 0, Waiting: []time.Duration{sec, 0}, Ops: []kernel.OpTime{
			{Cost: kernel.Cost{Name: "Each"}, Calls: 1, Busy: []time.Duration{sec, 2 * sec}},
		}}},
	})
	want := []Phase{
		{Part: "forward", Name: "MatMul", Calls: 3, Seconds: 3.5, ShareOfStep: 3.5 / 8, GFLOP: 150, ShareOfLimit: 1.5 / 3.5},
		{Part: "forward", Name: "LayerNorm", Calls: 2, Seconds: 1, ShareOfStep: 1.0 / 8, GB: 5, ShareOfLimit: 0.5},
		{Part: "forward", Name: between, Seconds: 0.5, ShareOfStep: 0.5 / 8},
		{Part: "forward", Name: waiting, Seconds: 1, ShareOfStep: 1.0 / 8},
		{Part: "update", Name: "Each", Calls: 1, Seconds: 1.5, ShareOfStep: 1.5 / 8},
		{Part: "update", Name: between},
		{Part: "update", Name: waiting, Seconds: 0.5, ShareOfStep: 0.5 / 8},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The step of median length counts, without the first ones.
func TestMedianStep(t *testing.T) {
	s, _ := newFake(t, Options{Repeat: 3}, 0)
	walls := []time.Duration{1, 1, 1, 1, 50, 7, 8, 2, 30, 30} // of two parts: 57 counts less than 60, more than 10
	var order []string
	s.times = func(f func()) kernel.Times {
		f()
		w := walls[0]
		walls = walls[1:]
		return kernel.Times{Wall: w}
	}
	parts := []part{
		{"a", func() error { order = append(order, "a"); return nil }},
		{"b", func() error { order = append(order, "b"); return nil }},
	}
	got, _, err := s.medianStep(t.Context(), parts)
	if err != nil || len(got) != 2 || got[0].part != "a" || got[0].Wall != 50 || got[1].part != "b" || got[1].Wall != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	if text := strings.Join(order, ""); text != "ababababab" {
		t.Errorf("got %s", text)
	}
	broken := errors.New("broken")
	walls = make([]time.Duration, 9)
	if _, _, err := s.medianStep(t.Context(), []part{{"a", func() error { return broken }}}); err != broken {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.medianStep(ctx, parts); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Only steps that have a row are taken apart.
func TestPhasesOfMeasuredSteps(t *testing.T) {
	s, _ := newFake(t, Options{Repeat: 1}, 0)
	a, b := tiny()
	got, err := s.phases(t.Context(), []shape{a, b}, []Row{{Name: "forward_A_s"}, {Name: "step_B_s"}})
	if err != nil || len(got) == 0 || slices.ContainsFunc(got, func(p Phase) bool { return p.Shape != "B" }) {
		t.Errorf("got %+v, %v", got, err)
	}
}
