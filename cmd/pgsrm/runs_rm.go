package main

import (
	"bufio"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/run"
)

// runsRmOptions are the flags of runs rm.
type runsRmOptions struct{ Yes bool }

// AddFlags adds the flags of runs rm.
func (o *runsRmOptions) AddFlags(f *pflag.FlagSet) {
	f.BoolVarP(&o.Yes, "yes", "y", false, "do not ask")
}

func newRunsRmCommand(g *globalOptions) *cobra.Command {
	var opts runsRmOptions
	cmd := &cobra.Command{
		Use:   "rm DIR...",
		Short: "Remove run directories",
		Long: `The rm command removes run directories: metrics, answers, checkpoints and the trained
child. Each must be a run directory and hold nothing else, and no process may train in
it; else nothing is removed. It asks before it does, and where nobody can be asked it
needs --yes.

EXAMPLES
  pgsrm runs rm runs/colors-slow
  pgsrm runs rm --yes runs/colors/binary/seed-1 runs/colors/binary/seed-2
` + exitStatusHelp,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runRunsRm(opts, g, args) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// removedRun is one run directory that runs rm removed.
type removedRun struct {
	Dir   string `json:"dir"`
	Bytes int64  `json:"bytes"`
}

// runRunsRm removes run directories.
func runRunsRm(o runsRmOptions, g *globalOptions, dirs []string) (err error) {
	if !o.Yes && !isTerminal(g.Stdin) {
		return inputErrorf("--yes: must be given where nobody can be asked, as standard input is no terminal")
	}
	var doomed []*run.Doomed
	defer func() {
		for _, d := range doomed {
			err = errors.Join(err, d.Spare())
		}
	}()
	var bytes int64
	for _, dir := range dirs {
		if slices.ContainsFunc(doomed, func(d *run.Doomed) bool { return d.Dir == filepath.Clean(dir) }) {
			continue
		}
		d, err := run.Doom(dir)
		if err != nil {
			return err
		}
		doomed = append(doomed, d)
		bytes += d.Bytes
	}
	if !o.Yes && !g.confirm(doomed, bytes) {
		_, err := fmt.Fprintln(g.Stderr, "nothing was removed")
		return err
	}
	removed := []removedRun{}
	for len(doomed) > 0 {
		d := doomed[0]
		doomed = doomed[1:]
		if err := d.Remove(); err != nil {
			return err
		}
		removed = append(removed, removedRun{d.Dir, d.Bytes})
		if !g.JSON {
			fmt.Fprintf(g.Stdout, "%s: removed, %s\n", cell(d.Dir), showSize(d.Bytes))
		}
	}
	if g.JSON {
		return g.printJSON(struct {
			Removed []removedRun `json:"removed"`
		}{removed})
	}
	return nil
}

// confirm asks on the terminal.
func (g *globalOptions) confirm(doomed []*run.Doomed, bytes int64) bool {
	for _, d := range doomed {
		fmt.Fprintln(g.Stderr, cell(d.Dir))
	}
	what := "this run directory"
	if n := len(doomed); n > 1 {
		what = fmt.Sprintf("these %d run directories", n)
	}
	fmt.Fprintf(g.Stderr, "remove %s, %s? [y/N] ", what, showSize(bytes))
	answer, _ := bufio.NewReader(g.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
