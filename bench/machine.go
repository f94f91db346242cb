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

// measureMachine raises the figures to the best of some trials with all threads: nothing else can be the limit. It is done before
// and after the rows, since a shared machine changes meanwhile.
func (s *session) measureMachine(ctx context.Context, rounds, bytes int) error {
	m := &s.machine
	for range peakTrials {
		m.Peak = max(m.Peak, s.peak(rounds))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	buf := make([]float32, bytes/4)
	for i := range buf {
		buf[i] = 1 // pages that were never written are not memory
	}
	for range memoryTrials {
		begin := s.now()
		if sum := kernel.Stream(s.pool, buf); sum != float64(len(buf)) {
			return fmt.Errorf("bench: memory: sum must be %d (got %v)", len(buf), sum)
		}
		m.Memory = max(m.Memory, float64(bytes)/s.now().Sub(begin).Seconds()/1e9)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// peak is what all threads reach on registers in so many rounds, in 1e9 operations a second.
func (s *session) peak(rounds int) float64 {
	if s.machine.Kernel == "go" {
		rounds = max(1, rounds/20)
	}
	begin := s.now()
	flops := kernel.Peak(s.pool, rounds)
	return flops / s.now().Sub(begin).Seconds() / 1e9
}

// at is the machine with the peak of another moment, if one was measured.
func (m Machine) at(peak float64) Machine {
	if peak > 0 {
		m.Peak = peak
	}
	return m
}

// peakAfter is the peak right after a run that took so long, measured for some milliseconds, or a tenth of that time; 0 in a session without.
func (s *session) peakAfter(run time.Duration) float64 {
	if s.peakRounds == 0 {
		return 0
	}
	of := float64(s.peakRounds)
	if each := 5 * time.Millisecond; run > 10*each {
		of *= min(float64(run)/10/float64(each), 20)
	}
	return s.peak(int(of))
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
