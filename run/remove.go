package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/internal/durable"
)

// Doomed is a run directory that is locked to be removed.
type Doomed struct {
	Dir   string
	Bytes int64 // of its files
	lock  *durable.Lock
	made  bool // the file of the lock
}

// Doom locks a run directory to be removed. It refuses one in which a process trains
// (ErrLocked), and anything that is not a run directory and nothing else (ErrConfig).
func Doom(dir string) (*Doomed, error) {
	if st, err := os.Lstat(dir); err != nil {
		return nil, config.Bad(err)
	} else if !st.IsDir() {
		return nil, config.Errorf("%s: must be a run directory itself, not a link or a file", dir)
	}
	if err := mustBeRun(dir); err != nil {
		return nil, err
	}
	if err := onlyRun(dir); err != nil {
		return nil, err
	}
	d := &Doomed{Dir: filepath.Clean(dir)}
	path := filepath.Join(dir, LockFile)
	_, absent := os.Lstat(path)
	d.made = errors.Is(absent, fs.ErrNotExist)
	var err error
	d.lock, err = durable.TryLock(path, 0o644)
	switch {
	case errors.Is(err, durable.ErrHeld):
		return nil, lockedError(path)
	case err != nil:
		return nil, err
	}
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			d.Bytes += info.Size()
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, d.Spare())
	}
	return d, nil
}

// Remove removes the directory. Killed meanwhile it leaves no run directory.
func (d *Doomed) Remove() error {
	if runtime.GOOS == "windows" { // which moves no folder with an open file
		return errors.Join(d.lock.Release(), durable.RemoveDir(d.Dir))
	}
	return errors.Join(durable.RemoveDir(d.Dir), d.lock.Release())
}

// Spare gives the directory back as it was.
func (d *Doomed) Spare() error {
	if d.made {
		return d.lock.Discard()
	}
	return d.lock.Release()
}

// besideRun are the files beside those of a run that no user has made: reports, and what
// killed processes and the desktop of macOS leave.
var besideRun = regexp.MustCompile(`^(summary\.json|report\.html|(curves|final|profiles)(-.*)?\.(png|svg)|tables\.(md|tex)|(results|comparisons)\.(csv|parquet)|\..*\.tmp-.*|\.DS_Store)$`)

// onlyRun refuses a run directory that holds something else, too.
func onlyRun(dir string) error {
	known := append([]string{
		lookFile, bestFile, extendedFile, EndFile, LockFile, checkpointsDir, childDir, startMark,
	}, append(startFiles, journalNames...)...)
	others, err := entriesBut(dir, func(e fs.DirEntry) bool {
		return slices.Contains(known, e.Name()) || !e.IsDir() && (eventsPattern.MatchString(e.Name()) || besideRun.MatchString(e.Name())) || strings.HasPrefix(e.Name(), ".child.tmp-")
	})
	if err != nil {
		return config.Bad(err)
	}
	saved := checkpoints{filepath.Join(dir, checkpointsDir)}
	steps, err := saved.steps()
	if err != nil {
		return config.Bad(err)
	}
	more, err := entriesBut(saved.path, func(e fs.DirEntry) bool {
		return slices.ContainsFunc(steps, func(step int) bool { return checkpointName(step) == e.Name() }) || strings.Contains(e.Name(), ".tmp-")
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return config.Bad(err)
	}
	for _, name := range more {
		others = append(others, filepath.Join(checkpointsDir, name))
	}
	switch n := len(others); {
	case n > 3:
		others = append(others[:3], fmt.Sprintf("%d more", n-3))
	case n == 0:
		if err := hf.Replaceable(filepath.Join(dir, childDir)); err != nil {
			return config.Bad(err)
		}
		return nil
	}
	return config.Errorf("%s: must hold nothing but a run to be removed (it holds %s)", dir, strings.Join(others, ", "))
}

// entriesBut lists the names in a folder that are not known.
func entriesBut(dir string, known func(e fs.DirEntry) bool) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !known(e) {
			names = append(names, e.Name())
		}
	}
	return names, err
}
