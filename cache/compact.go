package cache

import (
	"context"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"pgsrm/internal/durable"
)

// compactStep bounds a transaction of the copy, in bytes.
const compactStep = 4 << 20

// compact writes the file anew without the gaps that removed entries left, aside,
// and renames it. Other processes wait at the gate meanwhile.
func (f *file) compact(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !exists(f.path) {
		return nil
	}
	f.close() // whoever has the gate may be waiting for the file
	g, err := f.enter(ctx)
	if err != nil {
		return err
	}
	defer g.Release()
	if err := f.openInside(g); err != nil {
		return err
	}
	aside := f.path + ".compact"
	err = guard(func() error { return copyFile(aside, f.db) })
	f.close()
	if err == nil {
		err = os.Rename(aside, f.path)
	}
	if err == nil {
		return durable.SyncDir(filepath.Dir(f.path))
	}
	if err != nil {
		os.Remove(aside)
	}
	return err
}

// copyFile copies a file of bbolt into a new one and syncs it.
func copyFile(path string, from *bbolt.DB) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // of a killed process
		return err
	}
	to, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true, NoSync: true})
	if err != nil {
		return err
	}
	if err := bbolt.Compact(to, from, compactStep); err != nil {
		to.Close()
		return err
	}
	if err := to.Sync(); err != nil {
		to.Close()
		return err
	}
	return to.Close()
}
