package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pgsrm/config"
	"pgsrm/internal/durable"
)

// The names in a run directory; docs/format/run-directory.md describes them.
const (
	ConfigFile      = "config.yaml"
	EnvironmentFile = "environment.json"
	MetricsFile     = "metrics.jsonl"
	TimingsFile     = "timings.jsonl"
	CompletionsFile = "completions.jsonl"
	WarningsFile    = "warnings.jsonl"

	answersFile     = "answers.jsonl"
	bestFile        = "best.json" // of a run with best.metric
	calibrationFile = "calibration.json"
	taskFile        = "task.input" // of a task that came from standard input
	eventsPrefix    = "events.out.tfevents."
	checkpointsDir  = "checkpoints"
	childDir        = "child" // also in a checkpoint

	// startMark is there while the files of the start are written, so that those of
	// a start that was killed can be told from files of the user.
	startMark = ".starting"
)

// startFiles are what a run begins with, in the order in which they are written: a
// run has begun once the last of them is there.
var startFiles = []string{EnvironmentFile, taskFile, answersFile, calibrationFile, ConfigFile}

// journalNames are the append-only files beside that of TensorBoard. The checkpoints
// of older runs do not know the last.
var journalNames = []string{MetricsFile, TimingsFile, CompletionsFile, WarningsFile}

// directory is a run directory that this process has locked.
type directory struct {
	*claim
	begun    bool           // a run has begun in it
	journals []namedJournal // in a fixed order; empty until openJournals
}

type namedJournal struct {
	name string
	*journal
}

// openDirectory makes and locks the directory, and deletes what a killed process
// left unfinished in it. A folder with anything else in it that is no run is
// refused and not touched.
func openDirectory(path string, now time.Time) (*directory, error) {
	if path == "" {
		return nil, config.Errorf("out: must name the run directory")
	}
	if err := refuseForeign(path); err != nil {
		return nil, err
	}
	c, err := claimFolder(path, now)
	if err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	d := &directory{claim: c}
	if err := d.tidy(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// tidy finds out whether a run has begun and removes what killed processes left.
func (d *directory) tidy() error {
	if err := refuseForeign(d.path); err != nil { // again: now nobody else can be starting
		return err
	}
	d.begun = d.has(ConfigFile)
	err := d.removeStart()
	for _, dir := range []string{d.path, d.file(checkpointsDir)} {
		err = errors.Join(err, durable.RemoveUnfinished(dir))
	}
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return nil
}

// begin writes the files of the start.
func (d *directory) begin(files map[string][]byte) error {
	if err := d.write(startMark, nil); err != nil {
		return err
	}
	for _, name := range startFiles {
		if text := files[name]; text != nil {
			if err := d.write(name, text); err != nil {
				return err
			}
		}
	}
	d.begun = true
	return d.removeStart()
}

// removeStart removes the mark of a start, and what it wrote if it did not get to
// its end.
func (d *directory) removeStart() error {
	if !d.has(startMark) {
		return nil
	}
	var err error
	for _, name := range startFiles {
		if !d.begun && d.has(name) {
			err = errors.Join(err, os.Remove(d.file(name)))
		}
	}
	if err != nil {
		return err // the mark stays
	}
	return os.Remove(d.file(startMark))
}

// close closes all files and gives the lock back. Where no run has begun, it
// removes all that this process made.
func (d *directory) close() error {
	var err error
	for _, j := range d.journals {
		err = errors.Join(err, j.close())
	}
	if d.begun {
		return errors.Join(err, d.release())
	}
	return errors.Join(err, d.removeStart(), d.undo())
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
	if err := durable.WriteBytes(d.file(name), data); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return nil
}

// startSums are the checksums of the files that the run began with, by name.
func (d *directory) startSums() (map[string]string, error) {
	sums := map[string]string{}
	for _, name := range startFiles {
		sum, err := durable.SHA256(d.file(name))
		if errors.Is(err, fs.ErrNotExist) && (name == calibrationFile || name == taskFile) {
			continue // a reward without vectors, a task that is no standard input
		}
		if err != nil {
			return nil, fmt.Errorf("run directory: %w", err)
		}
		sums[name] = sum
	}
	return sums, nil
}
