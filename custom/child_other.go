//go:build !unix

package custom

import (
	"os"
	"syscall"
)

// attributes has nothing to ask for: there are no groups of processes.
func attributes() *syscall.SysProcAttr { return nil }

// killGroup kills a process alone.
func killGroup(p *os.Process) { p.Kill() }
