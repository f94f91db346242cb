//go:build !unix

package family

import (
	"os"
	"syscall"
)

// Attributes has nothing to ask for: there are no groups of processes.
func Attributes() *syscall.SysProcAttr { return nil }

// Kill kills a process alone.
func Kill(p *os.Process) { p.Kill() }
