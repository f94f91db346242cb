package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/bench"
)

// newBenchCommand measures the engine on this machine.
func newBenchCommand(g *globalOptions) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the engine against the limit of this machine",
		Long: `The bench command measures the machine (multiply-adds on registers, memory bandwidth)
and then the engine on two shapes: A is GPT-2 small with a batch of 50, B a child of
4 layers, 128 wide, with a batch of 64. Weights and tokens are random. Each row is
the median of some runs, with the share that it reaches of what the machine could do
at best, the allocations of a run, and the figures of peers and of the project on
another machine for comparison. Rows in a process of their own: peak_memory, start.
docs/commands.md defines the rows. Run it on a quiet machine.

EXAMPLES
  pgsrm bench
  pgsrm bench --only step_A_s,iteration_A_s --repeat 9
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
	Repeat  int
	Encoder string
	Here    string // row that this process measures for another
}

// AddFlags adds the flags of bench.
func (o *benchOptions) AddFlags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.Only, "only", nil, "measure these `rows` only, separated by commas")
	f.IntVar(&o.Repeat, "repeat", 5, "least number of runs of each row; the median counts")
	f.StringVar(&o.Encoder, "encoder", os.Getenv("PGSRM_MINILM"), "`folder` of all-MiniLM-L6-v2 for the rows encode (or PGSRM_MINILM)")
	f.Lookup("encoder").DefValue = ""
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
	if o.Repeat < 1 {
		return inputErrorf("--repeat: must be at least 1 (got %d)", o.Repeat)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	result, err := bench.Run(ctx, bench.Options{
		Only: o.Only, Repeat: o.Repeat, Threads: g.Threads, Encoder: o.Encoder, Self: []string{self},
		Progress: func(name string, i, n int) { fmt.Fprintf(g.Stderr, "bench: %d/%d %s\n", i+1, n, name) },
	})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.printJSON(result)
	}
	return printBench(g, result)
}

// printBench prints the machine and the rows as a table.
func printBench(g *globalOptions, r bench.Result) error {
	fmt.Fprintf(g.Stdout, "%s, kernel %s, %d threads: %.0f GFLOP/s, %.1f GB/s\n\n", r.CPU, r.Kernel, r.Threads, r.Peak, r.Memory)
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "row\tvalue\tunit\tof limit\truns\tallocations\tbytes\ttarget\tpeer\t\n")
	for _, l := range r.Rows {
		fmt.Fprintf(w, "%s\t%.4g\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t\n", l.Name, l.Value, l.Unit, optional(l.ShareOfLimit, "%.2f"),
			l.Runs, optional(l.Allocs, "%.0f"), optional(l.AllocBytes, "%.0f"), nonzero(l.Target), nonzero(l.Peer))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(g.Stdout, "%s: skipped: %s\n", s.Name, s.Reason)
	}
	return nil
}

// optional formats a number that may be missing.
func optional(x *float64, format string) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf(format, *x)
}

// nonzero formats a number, 0 meaning none.
func nonzero(x float64) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4g", x)
}
