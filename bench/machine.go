package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"pgsrm/kernel"
)

// Machine is what all rows are compared with.
type Machine struct {
	CPU     string  `json:"cpu"`
	Kernel  string  `json:"kernel"`      // instruction set of the engine
	Threads int     `json:"threads"`     // worker threads of every figure
	Peak    float64 `json:"fma_gflops"`  // float32 multiply-adds on registers, 2 operations each, 1e9/s
	Memory  float64 `json:"memory_gb_s"` // reading, 1e9 bytes/s
}

// Sizes of the measurement of the machine.
const (
	peakRounds   = 1_000_000 // about 5 ms a thread with AVX-512
	peakTrials   = 20
	memoryBytes  = 512 << 20 // beyond any cache that one process is given
	memoryTrials = 8
)

// measure raises the figures to the best of some trials with the threads of a
// pool: nothing else can be the limit. It is done before and after the rows, since
// a shared machine changes meanwhile.
func (m *Machine) measure(ctx context.Context, p *kernel.Pool, rounds, bytes int) error {
	if m.Kernel == "go" {
		rounds /= 20
	}
	for range peakTrials {
		begin := time.Now()
		flops := kernel.Peak(p, rounds)
		m.Peak = max(m.Peak, flops/time.Since(begin).Seconds()/1e9)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	buf := make([]float32, bytes/4)
	for i := range buf {
		buf[i] = 1 // pages that were never written are not memory
	}
	for range memoryTrials {
		begin := time.Now()
		if sum := kernel.Stream(p, buf); sum != float64(len(buf)) {
			return fmt.Errorf("bench: memory: sum must be %d (got %v)", len(buf), sum)
		}
		m.Memory = max(m.Memory, float64(bytes)/time.Since(begin).Seconds()/1e9)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// cpuName is the name of the processor, as far as the system tells it without a
// system call: Linux on x86 in /proc/cpuinfo, Windows in the environment.
func cpuName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(line, ":")
			if strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	if name := os.Getenv("PROCESSOR_IDENTIFIER"); name != "" {
		return name
	}
	return fmt.Sprintf("%s, %d processors", runtime.GOARCH, runtime.NumCPU())
}
