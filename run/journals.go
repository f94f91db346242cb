package run

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// openJournals opens the append-only files, cut to the sizes of a checkpoint
// (nil = from the start), and returns the subscribers that write them.
// settings are those that TensorBoard shows.
func (d *directory) openJournals(sizes map[string]int64, clock func() time.Time, settings []Difference) (eventStream, error) {
	events, err := d.eventsName(sizes, clock)
	if err != nil {
		return nil, err
	}
	for _, name := range append(slices.Clone(journalNames), events) {
		j, err := openJournal(d.file(name), sizes[name])
		if err != nil {
			return nil, fmt.Errorf("run directory: %w", err)
		}
		d.journals = append(d.journals, namedJournal{name, j})
	}
	at := func(i int) *journal { return d.journals[i].journal }
	board, err := newTensorBoard(at(4), clock, settings)
	if err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	return eventStream{
		metricsJournal{at(0), false}, metricsJournal{at(1), true}, completionsJournal{at(2)}, warningsJournal{at(3)}, board,
	}, nil
}

// eventsName is the name of the TensorBoard file: that of the checkpoint, or a
// new one in the place of all others that pgsrm wrote here.
func (d *directory) eventsName(sizes map[string]int64, clock func() time.Time) (string, error) {
	for name := range sizes {
		if strings.HasPrefix(name, eventsPrefix) {
			return name, nil
		}
	}
	old, err := filepath.Glob(filepath.Join(d.path, eventsPrefix+"*.pgsrm"))
	for _, path := range old {
		err = errors.Join(err, os.Remove(path))
	}
	return fmt.Sprintf("%s%d.pgsrm", eventsPrefix, clock().Unix()), err
}

// flush writes all journals; it is called once a step is complete.
func (d *directory) flush() error {
	for _, j := range d.journals {
		if err := j.flush(); err != nil {
			return fmt.Errorf("run directory: %w", err)
		}
	}
	return nil
}

// sync writes all journals to the disk and returns their sizes and checksums.
func (d *directory) sync() (sizes map[string]int64, sums map[string]string, err error) {
	sizes, sums = map[string]int64{}, map[string]string{}
	for _, j := range d.journals {
		size, err := j.sync()
		if err != nil {
			return nil, nil, fmt.Errorf("run directory: %w", err)
		}
		sizes[j.name], sums[j.name] = size, hex.EncodeToString(j.sum.Sum(nil))
	}
	return sizes, sums, nil
}
