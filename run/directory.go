package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pgsrm/internal/durable"
)

// The names in a run directory; docs/format/run-directory.md describes them.
const (
	configFile      = "config.yaml"
	environmentFile = "environment.json"
	answersFile     = "answers.jsonl"
	calibrationFile = "calibration.json"
	metricsFile     = "metrics.jsonl"
	timingsFile     = "timings.jsonl"
	completionsFile = "completions.jsonl"
	eventsPrefix    = "events.out.tfevents."
	lockFile        = "lock"
	checkpointsDir  = "checkpoints"
	childDir        = "child" // also within a checkpoint
)

// directory is a run directory that this process has locked.
type directory struct {
	path     string
	lock     *durable.Lock
	journals []namedJournal // in a fixed order; empty until openJournals
}

type namedJournal struct {
	name string
	*journal
}

// openDirectory makes and locks the directory, and deletes what a killed
// process left unfinished in it.
func openDirectory(path string, now time.Time) (*directory, error) {
	if path == "" {
		return nil, configErrorf("out: must name the run directory")
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	l, err := lockDir(filepath.Join(path, lockFile), now)
	if err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	d := &directory{path: path, lock: l}
	for _, dir := range []string{path, d.file(checkpointsDir)} {
		if err := durable.RemoveUnfinished(dir); err != nil {
			d.close()
			return nil, fmt.Errorf("run directory: %w", err)
		}
	}
	return d, nil
}

// file is the path of a name in the directory.
func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// has says whether the name is there.
func (d *directory) has(name string) bool {
	_, err := os.Lstat(d.file(name))
	return err == nil
}

// checkpoints is the folder of the run's checkpoints.
func (d *directory) checkpoints() checkpoints { return checkpoints{d.file(checkpointsDir)} }

// write writes a small file in one step.
func (d *directory) write(name string, data []byte) error {
	return durable.WriteBytes(d.file(name), data)
}

// openJournals opens the append-only files, cut to the sizes of a checkpoint
// (nil = from the start), and returns the subscribers that write them.
func (d *directory) openJournals(sizes map[string]int64, clock func() time.Time) (eventStream, error) {
	events, err := d.eventsName(sizes, clock)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{metricsFile, timingsFile, completionsFile, events} {
		j, err := openJournal(d.file(name), sizes[name])
		if err != nil {
			return nil, fmt.Errorf("run directory: %w", err)
		}
		d.journals = append(d.journals, namedJournal{name, j})
	}
	at := func(i int) *journal { return d.journals[i].journal }
	return eventStream{
		metricsJournal{at(0), false}, metricsJournal{at(1), true}, completionsJournal{at(2)}, newTensorBoard(at(3), clock),
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

// sync writes all journals to the disk and returns their sizes.
func (d *directory) sync() (map[string]int64, error) {
	sizes := map[string]int64{}
	for _, j := range d.journals {
		size, err := j.sync()
		if err != nil {
			return nil, fmt.Errorf("run directory: %w", err)
		}
		sizes[j.name] = size
	}
	return sizes, nil
}

// close closes all files and gives the lock back.
func (d *directory) close() error {
	var err error
	for _, j := range d.journals {
		err = errors.Join(err, j.close())
	}
	return errors.Join(err, d.lock.Release())
}
