package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// oldSuffix marks a folder that makes room for a new one.
const oldSuffix = ".old"

// leftover matches the temporary names of WriteFile, WriteDir and RemoveDir: the
// name that was to be written, and whether the entry is the former holder of that name.
var leftover = regexp.MustCompile(`^\.(.+)\.tmp-(?:[0-9]+|removed)(\.old)?$`)

// RemoveUnfinished deletes from dir what killed processes left of WriteFile,
// WriteDir and RemoveDir. Nobody may be writing in dir meanwhile. A folder that
// made room for a new one which never took its place gets its name back. A dir
// that is absent holds nothing.
func RemoveUnfinished(dir string) error { return removeUnfinished(dir, "") }

// RemoveUnfinishedAt is RemoveUnfinished for what was to be written at path alone; the
// folder that path is in may be anybody's.
func RemoveUnfinishedAt(path string) error {
	path = filepath.Clean(path)
	return removeUnfinished(filepath.Dir(path), filepath.Base(path))
}

// removeUnfinished is RemoveUnfinished for entries of one name, "" for all.
func removeUnfinished(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		match := leftover.FindStringSubmatch(e.Name())
		if match == nil || name != "" && match[1] != name {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if match[2] == oldSuffix {
			whole := filepath.Join(dir, match[1])
			if _, missing := os.Lstat(whole); errors.Is(missing, fs.ErrNotExist) {
				err = errors.Join(err, os.Rename(path, whole))
				continue
			}
		}
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// abandonedAfter is how long a file must not have been written to be taken for
// abandoned, beside that nobody holds its lock.
const abandonedAfter = time.Minute

// RemoveAbandoned deletes what killed processes left of WriteFile(path), and
// leaves alone what others are writing there now.
func RemoveAbandoned(path string, now time.Time) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		match := leftover.FindStringSubmatch(e.Name())
		if match == nil || match[1] != filepath.Base(path) || !e.Type().IsRegular() {
			continue
		}
		info, gone := e.Info()
		if gone != nil || now.Sub(info.ModTime()) < abandonedAfter {
			continue
		}
		tmp := filepath.Join(filepath.Dir(path), e.Name())
		l, held := tryLock(tmp, os.O_RDWR, 0, alone)
		if held != nil {
			continue
		}
		err = errors.Join(err, l.Release(), removeIfThere(tmp))
	}
	return err
}

// RemoveDir deletes a folder so that no half of it can be taken for a whole.
func RemoveDir(path string) error {
	doomed := asideName(filepath.Clean(path))
	if err := os.Rename(path, doomed); err != nil {
		return err
	}
	return os.RemoveAll(doomed)
}
