package lm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// AtomicFile writes a file so that path holds either its old content or all of
// the new: into a temporary file beside it, synced, renamed, folder synced.
func AtomicFile(path string, write func(w io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return SyncDir(filepath.Dir(path))
}

// AtomicDir makes a folder so that path is either as before or complete: fill
// writes into a temporary folder beside it, which is synced and renamed. An
// existing folder at path is exchanged for the new one, where the system can do
// so in one step (Linux), else moved away first.
func AtomicDir(path string, fill func(tmp string) error) error {
	path = filepath.Clean(path)
	tmp, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = fill(tmp)
	if err == nil {
		err = os.Chmod(tmp, 0o755)
	}
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
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return os.Rename(tmp, path)
	}
	if exchange(tmp, path) == nil {
		return nil
	}
	old := tmp + ".old"
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
