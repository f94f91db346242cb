package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pgsrm/internal/durable"
)

// store is the folder of one model in the cache.
type store struct {
	dir   string // models--ORG--NAME
	locks string // its folder of locks
}

func (s store) blob(sum string) string        { return filepath.Join(s.dir, "blobs", sum) }
func (s store) snapshot(commit string) string { return filepath.Join(s.dir, "snapshots", commit) }

// name is the path of a file in a snapshot.
func (s store) name(commit, file string) string {
	return filepath.Join(s.snapshot(commit), filepath.FromSlash(file))
}

// has says whether the content is here; one of another size is no such.
func (s store) has(sum string, size int64) bool {
	st, err := os.Stat(s.blob(sum))
	return err == nil && st.Mode().IsRegular() && (size < 0 || st.Size() == size)
}

// read returns the content of a small file of a snapshot.
func (s store) read(commit, file string) ([]byte, error) { return os.ReadFile(s.name(commit, file)) }

// link gives the content a name in a snapshot: by a relative link, as others do,
// or by a copy where the system has no links.
func (s store) link(commit, file, sum string) error {
	path := s.name(commit, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	up := strings.Repeat("../", strings.Count(file, "/")+2)
	target := filepath.FromSlash(up + "blobs/" + sum)
	if old, err := os.Readlink(path); err == nil && old == target {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cache: %w", err)
	}
	if os.Symlink(target, path) == nil {
		return nil
	}
	return s.copyTo(path, sum)
}

// copyTo copies the content to a path.
func (s store) copyTo(path, sum string) error {
	in, err := os.Open(s.blob(sum))
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	defer in.Close()
	return durable.WriteFile(path, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

// setRef writes down the commit that a branch or tag is at; a commit needs none.
func (s store) setRef(revision, commit string) error {
	if revision == commit {
		return nil
	}
	path := filepath.Join(s.dir, "refs", filepath.FromSlash(revision))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return durable.WriteBytes(path, []byte(commit))
}
