package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pgsrm/kernel"
)

// A kernel that this machine does not have is refused before any work, by every command.
func TestUnknownKernelIsRefused(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"train", "--episodes", "1", "--out", "never"}} {
		cmd := exec.CommandContext(t.Context(), "pgsrm", args...)
		cmd.Env = append(os.Environ(), kernel.Variable+"=sse")
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Errorf("%s: got %v, want exit code 3", args[0], err)
		}
		want := fmt.Sprintf("pgsrm: PGSRM_KERNEL: must be one of %s on this processor (got \"sse\")\n", strings.Join(kernel.Variants(), ", "))
		if string(out) != want {
			t.Errorf("%s: got %q, want %q", args[0], out, want)
		}
		if left, _ := os.ReadDir(cmd.Dir); len(left) > 0 {
			t.Errorf("%s: left %v", args[0], left)
		}
	}
}
