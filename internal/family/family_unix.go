//go:build unix

package family

import (
	"os"
	"syscall"
)

// Kill kills a process and those that it has started, unless they left its group.
func Kill(p *os.Process) { syscall.Kill(-p.Pid, syscall.SIGKILL) }
