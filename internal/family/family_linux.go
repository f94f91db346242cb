package family

import "syscall"

// Attributes puts a process at the head of a group of its own, which Ctrl-C does not
// reach, and has it killed where this one dies.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
