package bench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgsrm/kernel"
)

// Options say what to measure.
type Options struct {
	Only     []string // names of rows; empty = all
	Repeat   int      // least runs of a row; the median counts
	Threads  int
	Encoder  string                      // folder of MiniLM; empty = the rows that need it are skipped
	Self     []string                    // command that runs this program, for the rows that need a process of their own
	Progress func(name string, i, n int) // called before row i of n; or nil
}

// Row is one line of the result.
type Row struct {
	Name         string   `json:"name"`
	Value        float64  `json:"value"` // median
	Unit         string   `json:"unit"`
	ShareOfLimit *float64 `json:"share_of_limit"` // part of what the machine could do, 1 = all of it; null = no limit known
	Limit        *float64 `json:"limit"`          // value at the limit
	Best         float64  `json:"best"`           // best run
	Runs         int      `json:"runs"`
	Allocs       *float64 `json:"allocs"`      // allocations of a run, median; null in a process of its own
	AllocBytes   *float64 `json:"alloc_bytes"` // bytes of them
	Target       float64  `json:"target"`      // what the project wants to reach on the machine of the peers' figures; 0 = none
	Peer         float64  `json:"peer"`        // the best peer there; 0 = none
}

// Skipped is a row that could not be measured.
type Skipped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Result is the outcome of Run.
type Result struct {
	Machine
	Rows    []Row     `json:"rows"`
	Skipped []Skipped `json:"skipped,omitempty"`
}

// row is one line of the table: how it is measured.
type row struct {
	name, unit string
	// measure returns value and best in the unit, and the value at the limit (0 = none).
	measure func(ctx context.Context, s *session) (Row, error)
}

// session is what the rows of a Run share.
type session struct {
	Options
	machine Machine
	pool    *kernel.Pool
}

// skip is the error of a row that cannot be measured here.
type skip string

func (s skip) Error() string { return string(s) }

// timed is a row whose value follows from the time of one run: seconds, or units
// a second where a run makes so many.
func timed(name, unit string, units float64, open func(*session) (*work, []cost, error)) row {
	return row{name, unit, func(ctx context.Context, s *session) (Row, error) {
		w, limit, err := open(s)
		if err != nil {
			return Row{}, err
		}
		t, err := measure(ctx, w, s.Repeat)
		if err != nil {
			return Row{}, err
		}
		convert := func(seconds float64) float64 {
			if units > 0 {
				return units / seconds
			}
			return seconds
		}
		r := Row{Value: convert(t.median), Best: convert(t.least), Runs: t.runs, Allocs: &t.allocs, AllocBytes: &t.bytes}
		if least := s.machine.seconds(limit); least > 0 {
			share, at := least/t.median, convert(least)
			r.ShareOfLimit, r.Limit = &share, &at
		}
		return r, nil
	}}
}

// table lists the rows for two shapes and the products.
func table(a, b shape, square, mlp product) []row {
	iter := func(s shape, name, algo string, g int) row {
		return timed(name, "s", 0, func(e *session) (*work, []cost, error) {
			w, err := newIteration(s, e.pool, algo, g)
			return w, s.iterationCost(g), err
		})
	}
	step := func(s shape) row {
		return timed("step_"+s.name+"_s", "s", 0, func(e *session) (*work, []cost, error) {
			w, err := newStepper(s, e.pool, true)
			return &work{run: w.step}, s.stepCost(), err
		})
	}
	forward := func(s shape) row {
		return timed("forward_"+s.name+"_s", "s", 0, func(e *session) (*work, []cost, error) {
			w, err := newStepper(s, e.pool, false)
			return &work{run: w.forward}, s.forwardCost(), err
		})
	}
	decode := func(s shape, n int) row {
		return timed(fmt.Sprintf("decode_%s%d_tok_s", s.name, n), "tokens/s", float64(n*s.newTokens), func(e *session) (*work, []cost, error) {
			w, err := newDecode(s, e.pool, n)
			return w, s.decodeCost(n), err
		})
	}
	encode := func(name string, o encoding) row {
		return timed(name, "texts/s", float64(o.texts), func(e *session) (*work, []cost, error) {
			if e.Encoder == "" {
				return nil, nil, skip("no folder of MiniLM: give --encoder DIR or set PGSRM_MINILM")
			}
			limit, err := encodeCost(e.Encoder, o)
			if err != nil {
				return nil, nil, err
			}
			w, err := newEncode(e.Encoder, e.pool, o)
			return w, limit, err
		})
	}
	gemm := func(name string, g product) row {
		return timed(name, "GFLOP/s", g.gflops(), func(e *session) (*work, []cost, error) {
			w, err := newProduct(g, e.pool)
			return w, []cost{g.cost()}, err
		})
	}
	return []row{
		iter(a, "iteration_A_s", "ppo", 1),
		iter(a, "iteration_A_grpo_s", "grpo", a.group),
		iter(b, "iteration_B_s", "ppo", 1),
		iter(b, "iteration_B_grpo_s", "grpo", b.group),
		iter(b, "iteration_B_rloo_s", "rloo", b.group),
		step(a), step(b), forward(a), forward(b),
		decode(a, a.batch), decode(a, 1), decode(b, b.batch), decode(b, 1),
		encode("encode_2w_per_s", encoding{1024, 2, 256}),
		encode("encode_12w_per_s", encoding{1024, 12, 64}),
		encode("encode_one_per_s", encoding{64, 12, 1}),
		gemm("gemm_2048_gflops", square), gemm("gemm_mlp_gflops", mlp),
		memory(a), memory(b), start(),
	}
}

// memory is the peak of memory during training steps, in a process of its own. The
// limit is weights, gradients and two moments: 16 bytes a weight.
func memory(sh shape) row {
	return row{peakMemoryName(sh), "GB", func(ctx context.Context, s *session) (Row, error) {
		if s.Self == nil {
			return Row{}, skip("needs a process of its own")
		}
		out, err := call(ctx, s.Self, "bench", "--here", peakMemoryName(sh), "--threads", strconv.Itoa(s.Threads))
		if err != nil {
			return Row{}, err
		}
		value, err := strconv.ParseFloat(out, 64)
		if err != nil {
			return Row{}, fmt.Errorf("bench: memory: output must be a number (got %q)", out)
		}
		limit := 16 * sh.parameters() / 1e9
		share := limit / value
		return Row{Value: value, Best: value, Runs: 1, Limit: &limit, ShareOfLimit: &share}, nil
	}}
}

// start is the time of `pgsrm version`, from the call to the end.
func start() row {
	return row{"start_s", "s", func(ctx context.Context, s *session) (Row, error) {
		if s.Self == nil {
			return Row{}, skip("needs a process of its own")
		}
		t, err := measure(ctx, &work{run: func() error {
			_, err := call(ctx, s.Self, "version")
			return err
		}}, s.Repeat)
		return Row{Value: t.median, Best: t.least, Runs: t.runs}, err
	}}
}

// standard is the table of the command.
func standard() []row { return table(shapeA(), shapeB(), squareProduct(), mlpProduct()) }

// Names lists the rows, in the order of the table.
func Names() []string { return namesOf(standard()) }

func namesOf(rows []row) []string {
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	return names
}

// CheckNames reports a name that is no row.
func CheckNames(only []string) error {
	names := Names()
	for _, name := range only {
		if !slices.Contains(names, name) {
			return fmt.Errorf("must be of %s (got %q)", strings.Join(names, ", "), name)
		}
	}
	return nil
}

// Run measures the machine and then the rows, one after another.
func Run(ctx context.Context, o Options) (Result, error) {
	return run(ctx, o, standard(), peakRounds, memoryBytes)
}

func run(ctx context.Context, o Options, rows []row, rounds, bytes int) (Result, error) {
	s := &session{Options: o, pool: kernel.NewPool(o.Threads)}
	defer s.pool.Close()
	var err error
	if s.machine, err = measureMachine(ctx, s.pool, rounds, bytes); err != nil {
		return Result{}, err
	}
	out := Result{Machine: s.machine, Rows: []Row{}}
	if len(o.Only) > 0 {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !slices.Contains(o.Only, r.name) })
	}
	for i, r := range rows {
		if o.Progress != nil {
			o.Progress(r.name, i, len(rows))
		}
		line, err := r.measure(ctx, s)
		if reason, ok := err.(skip); ok {
			out.Skipped = append(out.Skipped, Skipped{r.name, string(reason)})
			continue
		}
		if err != nil {
			return out, fmt.Errorf("%s: %w", r.name, err)
		}
		line.Name, line.Unit = r.name, r.unit
		line.Target, line.Peer = known[r.name].target, known[r.name].peer
		out.Rows = append(out.Rows, line)
	}
	return out, nil
}
