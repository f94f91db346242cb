//go:build unix

package custom

import (
	"os"
	"syscall"
)

// killGroup kills a process and those that it has started, unless they left its group.
func killGroup(p *os.Process) { syscall.Kill(-p.Pid, syscall.SIGKILL) }
