//go:build unix && !linux

package custom

import "syscall"

// attributes puts a process at the head of a group of its own, which Ctrl-C does not
// reach.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
