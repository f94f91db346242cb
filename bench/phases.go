package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"pgsrm/kernel"
)

// Phase is one operation in one part of a training step. The seconds of a shape's phases add up to its step: each counts what all
// threads spent on it, divided by their number.
type Phase struct {
	Shape        string  `json:"shape"`
	Part         string  `json:"part"`  // of the step: forward, score, backward, update
	Name         string  `json:"name"`  // of the operation in package kernel, or between, waiting
	Calls        int     `json:"calls"` // on all threads
	Seconds      float64 `json:"seconds"`
	ShareOfStep  float64 `json:"share_of_step"`
	GFLOP        float64 `json:"gflop"`          // 1e9 operations that cannot be avoided; 0 where memory is the limit
	GB           float64 `json:"gb"`             // 1e9 bytes read where memory is the limit, else 0
	ShareOfLimit float64 `json:"share_of_limit"` // may exceed 1 where data stay in the caches; 0 without a limit
}

// Phases that are no operation: the code between operations, on the thread that calls them, and threads that wait for others.
const (
	between = "between"
	waiting = "waiting"
)

// partTimes is where the time of one part of a step went.
type partTimes struct {
	part string
	kernel.Times
}

// phases takes apart the steps of the shapes that have a row: of some steps the one of median length.
func (s *session) phases(ctx context.Context, shapes []shape, rows []Row) ([]Phase, error) {
	var out []Phase
	for _, sh := range shapes {
		if !slices.ContainsFunc(rows, func(r Row) bool { return r.Name == "step_"+sh.name+sh.suffix()+"_s" }) {
			continue
		}
		w, err := newStepper(sh, s.pool, true)
		if err != nil {
			return out, err
		}
		step, peak, err := s.medianStep(ctx, w.parts())
		if err != nil {
			return out, fmt.Errorf("phases of shape %s: %w", sh.name, err)
		}
		for _, p := range s.machine.at(peak).split(step) {
			p.Shape = sh.name + sh.suffix()
			out = append(out, p)
		}
	}
	return out, nil
}

// medianStep measures as many steps as a row has runs, and the peak after each; 0 = not measured.
func (s *session) medianStep(ctx context.Context, parts []part) (step []partTimes, peak float64, err error) {
	var steps [][]partTimes
	var peaks []float64
	for i := -warmups; i < s.Repeat; i++ {
		step := make([]partTimes, len(parts))
		for k, p := range parts {
			if err := ctx.Err(); err != nil {
				return nil, 0, err
			}
			var err error
			step[k] = partTimes{p.name, s.times(func() { err = p.run() })}
			if err != nil {
				return nil, 0, err
			}
		}
		if i >= 0 {
			steps = append(steps, step)
			peaks = append(peaks, s.peakAfter(wall(step)))
		}
	}
	slices.SortStableFunc(steps, func(a, b []partTimes) int { return cmp.Compare(wall(a), wall(b)) })
	return steps[len(steps)/2], median(peaks), nil
}

// wall is how long a step took.
func wall(step []partTimes) (total time.Duration) {
	for _, p := range step {
		total += p.Wall
	}
	return total
}

// split lists the phases of a step, those of a part by time.
func (m Machine) split(step []partTimes) []Phase {
	var out []Phase
	total := wall(step).Seconds()
	for _, t := range step {
		threads := float64(len(t.Waiting))
		phase := func(name string, d time.Duration) Phase {
			sec := d.Seconds() / threads
			return Phase{Part: t.part, Name: name, Seconds: sec, ShareOfStep: sec / total}
		}
		var part []Phase
		for _, o := range t.Ops {
			p := phase(o.Name, sum(o.Busy))
			p.Calls, p.GFLOP, p.GB = o.Calls, o.FLOPs/1e9, o.Bytes/1e9
			p.ShareOfLimit = m.seconds([]cost{{o.FLOPs, o.Bytes}}) / p.Seconds
			part = append(part, p)
		}
		slices.SortStableFunc(part, func(a, b Phase) int { return cmp.Compare(b.Seconds, a.Seconds) })
		out = append(out, part...)
		out = append(out, phase(between, t.Rest), phase(waiting, sum(t.Waiting)))
	}
	return out
}

func sum(times []time.Duration) (total time.Duration) {
	for _, t := range times {
		total += t
	}
	return total
}
