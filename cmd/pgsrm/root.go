package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/cache"
	"pgsrm/config"
	"pgsrm/kernel"
)

// globalOptions are the flags and streams that every command has.
type globalOptions struct {
	JSON    bool // one machine-readable object (or lines of them) on Stdout
	Threads int  // worker threads; 0 = all
	Verbose bool // log debug messages
	Cache   string

	cache  *cache.Cache // of openCache
	opened bool

	args []string // the command line

	width int // columns of the terminal on Stdout; 0 = it is none

	stdinConfig *config.File // a configuration that was read from Stdin

	Stdin  io.Reader
	Stdout io.Writer // results
	Stderr io.Writer // progress and log
	Log    *slog.Logger
}

// AddFlags adds the global flags.
func (g *globalOptions) AddFlags(f *pflag.FlagSet) {
	f.BoolVar(&g.JSON, "json", false, "print machine-readable JSON on stdout")
	f.IntVar(&g.Threads, "threads", 0, "worker threads (0 = all); results do not depend on it")
	f.StringVar(&g.Cache, "cache", "", "where answers and vectors are kept: a file, redis://HOST:PORT or off (default: "+cache.Variable+", else a file of the user)")
	f.BoolVarP(&g.Verbose, "verbose", "v", false, "log more, on stderr")
}

// finish completes the global flags and makes the logger.
func (g *globalOptions) finish() error {
	if g.Threads == 0 {
		g.Threads = runtime.GOMAXPROCS(0)
	}
	level := slog.LevelInfo
	if g.Verbose {
		level = slog.LevelDebug
	}
	if err := kernel.Check(); err != nil {
		return inputError(err)
	}
	g.Log = slog.New(tint.NewTextHandler(g.Stderr, &tint.Options{
		Level: level, TimeFormat: time.TimeOnly, NoColor: !showsColors(g.Stderr), ReplaceAttr: printableAttr,
	}))
	return nil
}

// printJSON writes v as one line on Stdout.
func (g *globalOptions) printJSON(v any) error {
	enc := json.NewEncoder(g.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// newRootCommand returns the command line. Each command is one file.
func newRootCommand(g *globalOptions) *cobra.Command {
	root := &cobra.Command{
		Use:   "pgsrm",
		Short: "Train small language models by the meaning of their answers",
		Long: `pgsrm trains a small language model (the child) by reinforcement learning with a
dense reward: how close its answer is in meaning to the answer of a parent.
Start with:

  pgsrm compare --out runs/colors
` + exitStatusHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkBounds(cmd); err != nil {
				return err
			}
			return g.finish()
		},
	}
	info, _ := debug.ReadBuildInfo()
	root.Version = newVersionInfo(info).String()
	root.SetVersionTemplate("{{.Version}}\n")
	g.AddFlags(root.PersistentFlags())
	root.SetIn(g.Stdin)
	root.SetOut(g.Stdout)
	root.SetErr(g.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newTrainCommand(g),
		newCompareCommand(g),
		newStudyCommand(g),
		newPretrainCommand(g),
		newReportCommand(g), newExportCommand(g),
		newDashboardCommand(g),
		newRunsCommand(g),
		newGenerateCommand(g),
		newChatCommand(g),
		newScoreCommand(g),
		newServeCommand(g),
		newProbeCommand(g),
		newEvalCommand(g),
		newEmbedCommand(g),
		newParentCommand(g),
		newCacheCommand(g),
		newDoctorCommand(g),
		newSFTCommand(g),
		newMergeCommand(g),
		newConvertCommand(g),
		newLogprobsCommand(g),
		newTokenizeCommand(g),
		newPullCommand(g),
		newConfigCommand(g),
		newCompletionCommand(g),
		newBenchCommand(g),
		newVersionCommand(g),
		newManCommand(g),
	)
	checkArguments(root)
	addCompletions(root)
	return root
}

// checkArguments makes mistakes in positional arguments input errors, for the
// command and those below it; a command that only groups others prints its help.
func checkArguments(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error { return inputError(check(c, args)) }
	} else {
		cmd.Args = func(c *cobra.Command, args []string) error { return unknownArguments(c, args) }
	}
	if !cmd.Runnable() {
		cmd.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	for _, sub := range cmd.Commands() {
		checkArguments(sub)
	}
}

// unknownArguments refuses positional arguments of a command that takes none.
func unknownArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		var names []string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return &config.Error{Must: fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath()), Hint: config.Nearest(args[0], names)}
	}
	return inputErrorf("%s: unexpected argument %q", c.CommandPath(), args[0])
}
