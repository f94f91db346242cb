package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// ManOptions are the flags of man.
type ManOptions struct{ Out string }

// AddFlags adds the flags of man.
func (o *ManOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Out, "out", "", "folder for the pages, one a command")
}

// newManCommand writes the manual pages that releases ship.
func newManCommand(g *globalOptions) *cobra.Command {
	var opts ManOptions
	cmd := &cobra.Command{
		Use:    "man --out DIR",
		Short:  "Write manual pages",
		Hidden: true,
		Long: `The man command writes one manual page for each command (section 1, groff) into a
folder. A release has them in its folder man.

EXAMPLES
  pgsrm man --out man && man man/pgsrm-train.1
` + exitStatusHelp,
		RunE: func(c *cobra.Command, _ []string) error { return runMan(c.Root(), opts) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// runMan writes the pages of root and the commands below it. They are dated by
// SOURCE_DATE_EPOCH where it is set, else not at all, so that a release can be
// built again to the same bytes.
func runMan(root *cobra.Command, opts ManOptions) error {
	if opts.Out == "" {
		return inputErrorf("--out: must name the folder for the pages")
	}
	if err := os.MkdirAll(opts.Out, 0o777); err != nil {
		return inputError(fmt.Errorf("--out: %w", err))
	}
	root.DisableAutoGenTag = true
	eachCommand(root, func(c *cobra.Command) { c.Long = manText(c.Long) })
	header := &doc.GenManHeader{Section: "1", Source: "pgsrm", Manual: "pgsrm manual"}
	if os.Getenv("SOURCE_DATE_EPOCH") == "" {
		header.Date = &time.Time{}
	}
	return doc.GenManTree(root, header, opts.Out)
}

// eachCommand calls f with every command of the project, parents first.
func eachCommand(c *cobra.Command, f func(*cobra.Command)) {
	if c.Name() == "help" || c.Hidden {
		return
	}
	f(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, f)
	}
}

// manText turns a help text into the Markdown that doc.GenMan reads: headings in
// capitals become sections, indented lines are kept as they are.
func manText(help string) string {
	var b strings.Builder
	for line := range strings.Lines(help) {
		switch {
		case strings.HasPrefix(line, "  "):
			b.WriteString("  ") // four spaces: a block of code
		case line == "EXAMPLES\n" || line == "EXIT STATUS\n":
			b.WriteString("# ")
			line += "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}
