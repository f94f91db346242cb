package main

import (
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"pgsrm/hf"
	"pgsrm/internal/printable"
	"pgsrm/remote"
	"pgsrm/run"
)

// madeBy tells a run by which command and program it is made.
func (g *globalOptions) madeBy() run.Deps {
	return run.Deps{Command: g.commandLine(), Program: program(), Stdin: sync.OnceValues(g.readTask)}
}

// commandLine is the command as it can be given to a shell again, without the flags
// that no result depends on: --out, --threads, --resume. Users and keys in addresses
// are blotted out.
func (g *globalOptions) commandLine() string {
	if g.args == nil {
		return ""
	}
	line := "pgsrm"
	value := false // of a flag that is left out
	for _, a := range g.args {
		if value {
			value = false
			continue
		}
		name, _, given := strings.Cut(a, "=")
		if name == "--out" || name == "--threads" || name == "--resume" {
			value = !given && name != "--resume"
			continue
		}
		line += " " + printable.ShellWord(remote.Redact(a))
	}
	return line
}

// program is the version of the program in one line.
func program() string {
	info, _ := debug.ReadBuildInfo()
	return newVersionInfo(info).String()
}

// card is the model card of a child that a command made of the named one.
func (g *globalOptions) card(title, child string) hf.Card {
	return hf.Card{Title: title, Base: run.HubName(child), Command: g.commandLine(), Program: program(), Origin: origin(child), Own: child == "" || run.Builtin(child)}
}

// origin says what the weights began as.
func origin(child string) string {
	switch {
	case child == "":
		return "Training began with random weights."
	case run.Builtin(child), strings.HasPrefix(child, "hf:"):
		return "Training began with the weights of " + child + "."
	}
	return "Training began with the weights of the folder " + filepath.Base(child) + "."
}

// shareCell is a share in a table, empty where it is not known.
func shareCell(x *float64) string {
	if x == nil {
		return ""
	}
	return fmt.Sprintf("%.1f%%", 100**x)
}
