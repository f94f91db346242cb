package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/bench"
	"pgsrm/hf"
	"pgsrm/internal/printable"
)

// newBenchCommand measures the engine on this machine.
func newBenchCommand(g *globalOptions) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the engine against the limit of this machine",
		Long: `The bench command measures the machine (multiply-adds on registers, memory bandwidth)
and then the engine on three shapes: A is GPT-2 small with a batch of 50, B a child of
4 layers, 128 wide, with a batch of 64, C is SmolLM2-135M with 32 prompts of 4 samples
behind a chat template, all weights trained or adapters of rank 16. Weights and tokens are random. Each row is
the median of some runs, with the share that it reaches of what the machine could do
at best, the allocations of a run, and for comparison what the project aims at and the
best peer reached on another machine. docs/commands.md defines the rows. Run it on
a quiet machine.

With --peers the programs that a Python has are measured here and now: PyTorch, generate
of transformers, TRL, sentence-transformers, with as many threads. Each row that has a
peer is measured, then its peer, then the row again. Rows of shape C take minutes there:
they have a peer where --only names them.

EXAMPLES
  pgsrm bench
  pgsrm bench --only step_A_s,iteration_A_s --repeat 9
  pgsrm bench --only step_A_s,step_B_s --phases
  pgsrm bench --scaling --threads 2
  pgsrm bench --cores --only step_B_s
  pgsrm bench --peers ./venv --only step_B_s,forward_B_s,iteration_B_grpo_s
  PGSRM_KERNEL=avx2 pgsrm bench --threads 1 --json > avx2.json
  pgsrm bench --encoder ./all-MiniLM-L6-v2 --only encode_2w_per_s,encode_12w_per_s
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// benchOptions are the flags of bench.
type benchOptions struct {
	Only    []string
	Phases  bool
	Scaling bool
	Cores   bool
	Repeat  int
	Encoder string
	Peers   string        // virtual environment or Python
	Limit   time.Duration // for the peer of a row
	Here    string        // row that this process measures for another
}

// AddFlags adds the flags of bench.
func (o *benchOptions) AddFlags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.Only, "only", nil, "measure these `rows` only, separated by commas")
	f.BoolVar(&o.Phases, "phases", false, "take the measured steps apart (rows step_A_s, step_B_s, step_C_s, step_C_lora_s): the time of each operation, its share, its limit, and waiting")
	f.BoolVar(&o.Scaling, "scaling", false, "measure instead how an iteration's cost grows: shape B with 16 to 512 samples and with 4 to 24 layers")
	f.BoolVar(&o.Cores, "cores", false, "measure instead steps and iterations on 1 to --threads cores, and count what up to 64 would take: shared work, uneven ends, regions, serial part")
	f.IntVar(&o.Repeat, "repeat", 5, "least number of runs of each row; the median counts")
	f.StringVar(&o.Encoder, "encoder", os.Getenv("PGSRM_MINILM"), "`folder` of all-MiniLM-L6-v2 (or PGSRM_MINILM); without one its shape with random weights")
	f.Lookup("encoder").DefValue = ""
	f.StringVar(&o.Peers, "peers", "", "also measure the peers that this `venv` or Python has, each beside its row")
	f.DurationVar(&o.Limit, "peer-limit", 30*time.Minute, "longest time for the peer of a row")
	f.StringVar(&o.Here, "here", "", "print the peak memory of this `row`, measured in this process")
	f.Lookup("here").Hidden = true
}

func runBench(ctx context.Context, o benchOptions, g *globalOptions) error {
	if o.Here != "" {
		value, err := bench.PeakMemory(o.Here, g.Threads)
		if err == nil {
			fmt.Fprintln(g.Stdout, value)
		}
		return inputError(err)
	}
	if err := bench.CheckNames(o.Only); err != nil {
		return inputErrorf("--only: %w", err)
	}
	if st, err := os.Stat(o.Encoder); o.Encoder != "" && (err != nil || !st.IsDir()) {
		return inputErrorf("--encoder: must be a folder that exists (got %q)", o.Encoder)
	}
	if o.Encoder != "" { // its rows come last
		if _, err := hf.LoadEncoder(o.Encoder); err != nil {
			return inputErrorf("--encoder: %w", err)
		}
	}
	if o.Limit <= 0 {
		return inputErrorf("--peer-limit: must be positive (got %v)", o.Limit)
	}
	if o.Peers != "" && (o.Scaling || o.Cores) {
		return inputErrorf("--peers: not together with --scaling or --cores")
	}
	if o.Scaling {
		return benchScaling(ctx, o, g)
	}
	if o.Cores {
		return benchCores(ctx, o, g)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	peers, err := openPeers(ctx, o, g)
	if err != nil {
		return err
	}
	defer peers.Close()
	result, err := bench.Run(ctx, bench.Options{
		Only: o.Only, Phases: o.Phases, Repeat: o.Repeat, Threads: g.Threads, Encoder: o.Encoder, Self: []string{self}, Peers: peers,
		Progress: g.benchProgress,
		Beside:   func(name, text string) { fmt.Fprintf(g.Stderr, "bench: %s: peer: %s\n", name, printable.Text(text)) },
	})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(result)
	}
	return printBench(g, result)
}

// openPeers finds the peers, nil without --peers, and warns of those that are missing.
func openPeers(ctx context.Context, o benchOptions, g *globalOptions) (*bench.Peers, error) {
	if o.Peers == "" {
		return nil, nil
	}
	peers, err := bench.OpenPeers(ctx, o.Peers, o.Only, o.Encoder, o.Limit)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, inputErrorf("--peers: %w", err)
	}
	if missing := peers.Missing(o.Encoder); missing != "" {
		fmt.Fprintf(g.Stderr, "bench: --peers: rows without a peer: %s\n", missing)
	}
	return peers, nil
}

// benchScaling measures how the cost grows and prints it.
func benchScaling(ctx context.Context, o benchOptions, g *globalOptions) error {
	rows, err := bench.Scale(ctx, g.Threads, o.Repeat)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(rows)
	}
	text := fmt.Sprintf("%8s%8s%8s%8s%12s%18s%10s\n", "threads", "batch", "layers", "tokens", "ms", "us/token/layer", "relative")
	for _, r := range rows {
		text += fmt.Sprintf("%8d%8d%8d%8d%12.3f%18.3f%10.2f\n", r.Threads, r.Batch, r.Layers, r.Tokens, 1e3*r.Seconds, 1e6*r.PerUnit, r.Share)
	}
	_, err = io.WriteString(g.Stdout, text)
	return err
}

// benchProgress tells which row is measured.
func (g *globalOptions) benchProgress(name string, i, n int) {
	fmt.Fprintf(g.Stderr, "bench: %d/%d %s\n", i+1, n, name)
}

// benchCores measures and counts how rows scale with threads and prints it.
func benchCores(ctx context.Context, o benchOptions, g *globalOptions) error {
	rows, err := bench.CountCores(ctx, bench.Options{Only: o.Only, Repeat: o.Repeat, Threads: g.Threads, Progress: g.benchProgress})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(rows)
	}
	text := fmt.Sprintf("%-19s%8s%10s%10s%7s%8s  |%9s%9s%9s%9s  |%8s%7s%10s\n", "row", "threads", "measured", "counted", "times",
		"at most", "shared", "uneven", "regions", "serial", "regions", "items", "hybrid")
	ms := func(seconds float64) string { return fmt.Sprintf("%.4g", 1e3*seconds) }
	for _, r := range rows {
		measured := "-"
		if r.Measured != nil {
			measured = ms(*r.Measured)
		}
		text += fmt.Sprintf("%-19s%8d%10s%10s%7.1f%8s  |%9s%9s%9s%9s  |%8d%7.0f%10s\n", r.Row, r.Threads, measured, ms(r.Seconds), r.SpeedUp,
			figure(math.Round(r.Bound)), ms(r.Shared), ms(r.Uneven), ms(r.Regions), ms(r.Serial), r.Count, r.Items, ms(r.Hybrid))
	}
	_, err = io.WriteString(g.Stdout, text)
	return err
}

// printBench prints the machine, the rows and the phases as tables.
func printBench(g *globalOptions, r bench.Result) error {
	var lines []string
	line := func(format string, args ...any) {
		lines = append(lines, strings.TrimRight(fmt.Sprintf(format, args...), " ")+"\n")
	}
	line("%s, kernel %s, %d threads: %.0f GFLOP/s, %.1f GB/s", r.CPU, r.Kernel, r.Threads, r.Peak, r.Memory)
	if r.Peers != nil {
		line("peers: Python %s", r.Peers.Python)
	}
	line("")
	wide := 18
	for _, l := range r.Rows {
		wide = max(wide, len(l.Name))
	}
	beside := func(ratio, is string) string {
		if r.Peers == nil {
			return ""
		}
		return fmt.Sprintf("%8s  %s", ratio, is)
	}
	line("%-*s%9s %-9s%9s%6s%12s%10s%9s%9s%s", wide+1, "row", "value", "unit", "of limit", "runs", "allocations", "bytes", "target", "peer",
		beside("ratio", "peer is"))
	for _, l := range r.Rows {
		line("%-*s%9.4g %-9s%9s%6d%12s%10s%9s%9s%s  %s", wide+1, l.Name, l.Value, l.Unit, optional(l.ShareOfLimit, "%.2f"),
			l.Runs, optional(l.Allocs, "%.0f"), optional(l.AllocBytes, "%.0f"), figure(l.Target), figure(l.Peer),
			beside(optional(l.Ratio, "%.2f"), peerIs(l)), l.Note)
	}
	if len(r.Phases) > 0 {
		line("")
		line("%-32s%7s%9s%9s%10s", "phase of a step", "calls", "ms", "of step", "of limit")
	}
	for _, p := range r.Phases {
		line("%s %-9s%-21s%7d%9.4g%9.3f%10s", p.Shape, p.Part, p.Name, p.Calls, 1e3*p.Seconds, p.ShareOfStep, reached(p))
	}
	for _, s := range r.Skipped {
		line("%s: skipped: %s", s.Name, s.Reason)
	}
	_, err := io.WriteString(g.Stdout, strings.Join(lines, ""))
	return err
}

// peerIs says what was measured beside a row, or why nothing was.
func peerIs(r bench.Row) string {
	if r.NoPeer != "" {
		return printable.Text("none: " + r.NoPeer)
	}
	return printable.Text(r.PeerIs)
}

// reached is the share of the limit, and the figure that it is a share of.
func reached(p bench.Phase) string {
	switch {
	case p.GFLOP > 0:
		return fmt.Sprintf("%10.2f%6.0f GFLOP/s", p.ShareOfLimit, p.GFLOP/p.Seconds)
	case p.GB > 0:
		return fmt.Sprintf("%10.2f%6.1f GB/s", p.ShareOfLimit, p.GB/p.Seconds)
	}
	return "-"
}

// figure formats a target or a peer's figure, 0 being none.
func figure(x float64) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4g", x)
}

// optional formats a number that may be missing.
func optional(x *float64, format string) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf(format, *x)
}
