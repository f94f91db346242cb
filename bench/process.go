package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"pgsrm/kernel"
)

// PeakMemory returns the most memory, in 1e9 bytes, that this process has during
// two runs of the named row's work: resident memory on Linux, elsewhere what
// the Go runtime has from the system at the end. Making the random weights
// before is not counted. The process should do nothing else.
func PeakMemory(name string, threads int) (float64, error) {
	for _, r := range standard().rows {
		if name == r.name && r.open != nil {
			return peakMemory(r.open, threads)
		}
	}
	return 0, fmt.Errorf("bench: row must measure memory (got %q)", name)
}

func peakMemory(open opener, threads int) (float64, error) {
	p := kernel.NewPool(threads)
	defer p.Close()
	w, err := open(p)
	if err != nil {
		return 0, err
	}
	debug.FreeOSMemory()
	// 5 resets the peak to the present size, man 5 proc_pid_clear_refs.
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	for range 2 {
		if w.prepare != nil {
			w.prepare()
		}
		if err := w.run(); err != nil {
			return 0, err
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.Sys-m.HeapReleased) / 1e9, nil
	}
	if err != nil {
		return 0, err
	}
	return highWater(string(status))
}

// highWater reads the peak of resident memory from /proc/self/status, in 1e9 bytes.
func highWater(status string) (float64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib * 1024 / 1e9, err
		}
	}
	return 0, errors.New("bench: /proc/self/status must have a line VmHWM")
}

// call runs this program with other arguments in a process of its own.
func (s *session) call(ctx context.Context, args ...string) (string, error) {
	if len(s.Self) == 0 {
		return "", skip("needs a process of its own")
	}
	all := slices.Concat(s.Self[1:], args)
	out, err := exec.CommandContext(ctx, s.Self[0], all...).Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
