package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// WriteFile writes a file so that path holds either its old content or all of
// the new: into a temporary file beside it, synced, renamed, folder synced.
func WriteFile(path string, write func(w io.Writer) error) error {
	var f *os.File
	_, err := aside(path, func(tmp string) (err error) {
		f, err = os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		return err
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_ = lockFile(f, alone) // tells RemoveAbandoned that somebody writes; where there are no locks its age does
	if err = write(f); err == nil {
		err = Commit(f, path)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, errors.Join(err, removeIfThere(f.Name())))
	}
	return nil
}

// WriteBytes is WriteFile for content at hand.
func WriteBytes(path string, content []byte) error {
	return WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Commit gives a file that has been written the name path, in the same file
// system: synced, closed, renamed, folder synced.
func Commit(f *os.File, path string) error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// WriteDir makes a folder so that path is either as before or complete: fill
// writes into a temporary folder beside it, which is synced and renamed. An
// existing folder at path is exchanged for the new one, in one step where the
// system can (Linux), else moved away first. fill syncs its own files, as
// WriteFile does.
func WriteDir(path string, fill func(tmp string) error) error {
	path = filepath.Clean(path)
	tmp, err := aside(path, func(tmp string) error { return os.Mkdir(tmp, 0o777) })
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = fill(tmp)
	if err == nil {
		err = SyncDir(tmp)
	}
	if err == nil {
		err = replaceDir(tmp, path)
	}
	// tmp is now absent, the folder that was replaced, or an unfinished one
	if err = errors.Join(err, os.RemoveAll(tmp)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// replaceDir gives tmp the name path; what was at path is then at tmp.
func replaceDir(tmp, path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(tmp, path)
	}
	if exchange(tmp, path) == nil {
		return nil
	}
	old := tmp + oldSuffix
	if err := os.Rename(path, old); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, os.Rename(old, path))
	}
	return os.Rename(old, tmp)
}

// SyncDir makes the entries of a folder durable. Windows has no such call.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// aside makes something new beside path under a name that nothing has yet,
// which leftover recognizes.
func aside(path string, create func(tmp string) error) (tmp string, err error) {
	for range 100 {
		tmp = asideName(path)
		if err = create(tmp); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return tmp, err
}

// asideName is a temporary name beside path.
func asideName(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp-"+strconv.FormatUint(uint64(rand.Uint32()), 10))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
