package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"pgsrm/internal/printable"
	"pgsrm/run"
)

// isTerminal says whether a stream is a terminal, so that a person reads or writes it.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(st, null)
}

// showsColors says whether w is a terminal that shows colors and bars.
func showsColors(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

// newProgress shows runs on Stderr: as bars where that is a terminal with colors that says
// how wide it is.
func newProgress(g *globalOptions) *run.Terminal {
	f, _ := g.Stderr.(*os.File)
	return run.NewTerminal(g.Stderr, showsColors(g.Stderr) && columnsOf(f) > 0, widthOf(g.Stderr))
}

// results is where results go: what a person sees on a terminal has its control
// characters made visible, what a program reads stays as it is.
func results(stdout io.Writer) io.Writer {
	if isTerminal(stdout) {
		return printable.Writer(stdout)
	}
	return stdout
}

// checkedWriter remembers the first error of its writer: a result that nobody got is
// a failure, also where the code that printed it did not look.
type checkedWriter struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// sayReading tells a person at a terminal what the command waits for.
func (g *globalOptions) sayReading(what string) {
	if isTerminal(g.Stdin) {
		g.Log.Info("reading from the terminal until Ctrl-D: " + what)
	}
}

// sayResume says by which command an interrupted one goes on.
func (g *globalOptions) sayResume(command string) {
	if command != "" {
		fmt.Fprintln(g.Stderr, printable.Text("to go on: "+command))
	}
}

// printableAttr makes the texts of a log safe for a terminal.
func printableAttr(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(printable.Text(a.Value.String()))
	}
	return a
}
