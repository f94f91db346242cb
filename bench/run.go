package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgsrm/kernel"
)

// Options say what to measure.
type Options struct {
	Only     []string // names of rows; empty = all
	Phases   bool     // also the phases of a training step, for the shapes whose step is measured
	Repeat   int      // least runs of a row; the median counts
	Threads  int
	Encoder  string                      // folder of MiniLM; empty = an encoder of its shape with random weights
	Self     []string                    // command that runs this program, for the rows that need a process of their own
	Peers    *Peers                      // measured beside the rows that have one; or nil
	Progress func(name string, i, n int) // called before row i of n; or nil
	Beside   func(name, text string)     // called with what the peer of a row does; or nil
}

// Row is one line of the result.
type Row struct {
	Name         string   `json:"name"`
	Value        float64  `json:"value"` // median
	Unit         string   `json:"unit"`
	ShareOfLimit *float64 `json:"share_of_limit"`       // part of what the machine could do, 1 = all of it; null = no limit known
	Limit        *float64 `json:"limit"`                // value at the limit
	Peak         float64  `json:"fma_gflops,omitempty"` // peak of the machine between the runs, median
	Best         float64  `json:"best"`                 // best run
	Runs         int      `json:"runs"`
	Allocs       *float64 `json:"allocs"`      // allocations of a run, median; null in a process of its own
	AllocBytes   *float64 `json:"alloc_bytes"` // bytes of them
	Target       float64  `json:"target"`      // what the project wants to reach on the machine of the peers' figures
	Peer         float64  `json:"peer"`        // the best peer there; with Options.Peers the peer here, 0 = none
	Note         string   `json:"note,omitempty"`

	// With Options.Peers only.
	PeerIs string    `json:"peer_is,omitempty"` // what was measured
	Ratio  *float64  `json:"ratio,omitempty"`   // how many times as good as the peer Value is
	Around []float64 `json:"around,omitempty"`  // the engine's medians before and after the peer, whose mean is Value
	NoPeer string    `json:"no_peer,omitempty"` // why none was measured

	seconds float64 // median of one run of a timed row
	costs   []cost  // of one run
}

// Skipped is a row that could not be measured.
type Skipped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Result is the outcome of Run.
type Result struct {
	Machine
	Peers   *Versions `json:"peers,omitempty"`
	Rows    []Row     `json:"rows"`
	Phases  []Phase   `json:"phases,omitempty"`
	Skipped []Skipped `json:"skipped,omitempty"`
}

// rowNames lists the rows, in the order of the table.
func rowNames() []string { return namesOf(standard().rows) }

func namesOf(rows []row) []string {
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	return names
}

// CheckNames reports a name that is no row.
func CheckNames(only []string) error {
	names := rowNames()
	for _, name := range only {
		if !slices.Contains(names, name) {
			return fmt.Errorf("must be of %s (got %q)", strings.Join(names, ", "), name)
		}
	}
	return nil
}

// Run measures the machine and then the rows, one after another. It ends with the
// context between two runs of a row.
func Run(ctx context.Context, o Options) (Result, error) { return run(ctx, o, standard()) }

// session is what the rows of a Run share.
type session struct {
	Options
	machine    Machine
	enough     time.Duration // spent on a row at least
	pool       *kernel.Pool
	peakRounds int                         // of a measurement of the peak between runs; 0 = none
	now        func() time.Time            // the clock
	times      func(f func()) kernel.Times // measures what the pool does
	encoder    *encoder                    // nil until a row needs it
}

// newSession makes a session, whose pool is to be closed.
func newSession(o Options, enough time.Duration) *session {
	pool := kernel.NewPool(o.Threads)
	return &session{Options: o, enough: enough, pool: pool, now: time.Now, times: pool.Time}
}

// run is Run on a plan.
func run(ctx context.Context, o Options, p plan) (Result, error) {
	s := newSession(o, p.enough)
	defer s.pool.Close()
	s.peakRounds = p.rounds
	s.machine = Machine{CPU: cpuName(), Kernel: kernel.Name(), Threads: s.pool.Threads()}
	if err := s.measureMachine(ctx, p.rounds, p.memory); err != nil {
		return Result{}, err
	}
	out := Result{Rows: []Row{}}
	if o.Peers != nil {
		out.Peers = &o.Peers.Versions
	}
	if err := s.measureRows(ctx, p.chosen(o.Only), &out); err != nil {
		return out, err
	}
	if err := s.measureMachine(ctx, p.rounds, p.memory); err != nil {
		return out, err
	}
	out.Machine = s.machine
	for i := range out.Rows {
		out.Rows[i].compare(s.machine)
	}
	if !o.Phases {
		return out, nil
	}
	var err error
	out.Phases, err = s.phases(ctx, p.shapes, out.Rows)
	return out, err
}

// measureRows appends the rows to the result, or to what was skipped.
func (s *session) measureRows(ctx context.Context, rows []row, out *Result) error {
	for i, r := range rows {
		if s.Progress != nil {
			s.Progress(r.name, i, len(rows))
		}
		line, err := r.measure(ctx, s)
		var reason skip
		if errors.As(err, &reason) {
			out.Skipped = append(out.Skipped, Skipped{r.name, string(reason)})
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		line.Name, line.Unit = r.name, r.unit
		line.Target, line.Peer = known[r.name].target, known[r.name].peer
		if s.Peers != nil {
			if line, err = s.beside(ctx, r, line); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
		out.Rows = append(out.Rows, line)
	}
	return nil
}
