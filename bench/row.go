package bench

import (
	"context"
	"fmt"
	"strconv"

	"pgsrm/kernel"
)

// row is one line of the table: how it is measured.
type row struct {
	name, unit string
	measure    func(ctx context.Context, s *session) (Row, error) // all but names and known figures
	open       opener                                             // of a row of memory: the work that needs it
	units      float64                                            // that a run of a timed row makes; 0 = its value is seconds
	peer       *peerJob                                           // what a peer does there; nil = no peer
}

// against adds the peer of a row.
func (r row) against(j peerJob) row {
	r.peer = &j
	return r
}

// opener prepares the work of a row on the threads of a pool.
type opener func(p *kernel.Pool) (work, error)

// skip is the error of a row that cannot be measured here.
type skip string

func (s skip) Error() string { return string(s) }

// timed is a row whose value follows from the time of one run: seconds, or units
// a second where a run makes so many.
func timed(name, unit string, units float64, open func(*session) (work, error)) row {
	convert := func(seconds float64) float64 {
		if units > 0 {
			return units / seconds
		}
		return seconds
	}
	return row{name: name, unit: unit, units: units, measure: func(ctx context.Context, s *session) (Row, error) {
		w, err := open(s)
		if err != nil {
			return Row{}, err
		}
		t, err := s.measure(ctx, w)
		if err != nil {
			return Row{}, err
		}
		return Row{
			Value: convert(t.median), Best: convert(t.least), Runs: t.runs, Allocs: &t.allocs, AllocBytes: &t.bytes, Note: w.note,
			seconds: t.median, costs: w.limit, Peak: t.peak,
		}, nil
	}}
}

// fewerIsBetter tells what a value is.
func (r *Row) fewerIsBetter() bool { return r.Unit == "s" || r.Unit == "GB" }

// compare sets share and limit of a timed row: by the peak that was measured between its runs, where there is one.
func (r *Row) compare(m Machine) {
	least := m.at(r.Peak).seconds(r.costs)
	if least == 0 {
		return
	}
	share := least / r.seconds
	limit := r.Value * share
	if !r.fewerIsBetter() {
		limit = r.Value / share
	}
	r.ShareOfLimit, r.Limit = &share, &limit
}

// memory is the peak of memory during two runs of the work, in a process of its own, against
// the bytes that it cannot do without.
func memory(name string, open opener, least float64) row {
	return row{name: name, unit: "GB", open: open, measure: func(ctx context.Context, s *session) (Row, error) {
		out, err := s.call(ctx, "bench", "--here", name, "--threads", strconv.Itoa(s.Threads))
		if err != nil {
			return Row{}, err
		}
		value, err := strconv.ParseFloat(out, 64)
		if err != nil {
			return Row{}, fmt.Errorf("output must be a number (got %q)", out)
		}
		limit := least / 1e9
		share := limit / value
		return Row{Value: value, Best: value, Runs: 1, Limit: &limit, ShareOfLimit: &share}, nil
	}}
}

// start is the time of `pgsrm version`, from the call to the end.
func start() row {
	return row{name: "start_s", unit: "s", measure: func(ctx context.Context, s *session) (Row, error) {
		t, err := s.measure(ctx, work{run: func() error {
			_, err := s.call(ctx, "version")
			return err
		}})
		return Row{Value: t.median, Best: t.least, Runs: t.runs}, err
	}}
}
