// Command pgsrm trains a small language model by the semantic distance of its
// answers to those of a parent. One file holds one command: a constructor with
// help and flags, its options, and the function that does the work.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs the command line and returns the exit code. The first interrupt
// cancels the context, so that a run can write a checkpoint; the second one
// ends the process at once.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	out := &checkedWriter{w: results(stdout)}
	g := &globalOptions{Stdin: stdin, Stdout: out, Stderr: stderr, args: args, width: widthOf(stdout)}
	defer func() { g.cache.Close() }() // writes what waits
	root := newRootCommand(g)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.err
	}
	if err != nil {
		printError(stderr, err)
	}
	return exitCode(err)
}
