//go:build unix

package deploy_test

import (
	"os/exec"
	"syscall"
	"time"
)

// hangup sends SIGHUP and waits until done; it says whether that came.
func hangup(server *exec.Cmd, done func() bool) bool {
	server.Process.Signal(syscall.SIGHUP)
	for range 600 {
		if done() {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}
