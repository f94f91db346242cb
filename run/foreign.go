package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pgsrm/config"
	"pgsrm/internal/durable"
)

// refuseForeign refuses a folder that holds something but no run.
func refuseForeign(path string) error {
	names, err := foreign(path)
	switch n := len(names); {
	case err != nil:
		return fmt.Errorf("run directory: %w", err)
	case n > 3:
		names = append(names[:3], fmt.Sprintf("%d more", n-3))
	case n == 0:
		return nil
	}
	return config.Errorf("out: %s must be a run directory, empty or new (it has no %s, but %s)", path, ConfigFile, strings.Join(names, ", "))
}

// foreign lists what the folder at path holds beside a run, and beside what a
// failed start of one leaves.
func foreign(path string) (names []string, err error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		if st, statErr := os.Stat(path); statErr != nil || !st.IsDir() {
			return nil, nil // absent, or no folder: left to mkdir to say
		}
		return nil, err
	}
	var has = map[string]bool{}
	for _, e := range entries {
		has[e.Name()] = true
	}
	if has[ConfigFile] {
		return nil, nil
	}
	for _, e := range entries {
		name := e.Name()
		left := has[startMark] && slices.Contains(startFiles, name)
		if name != startMark && !left && !unfinishedStart(name) && !(name == LockFile && signedLock(filepath.Join(path, name))) {
			names = append(names, name)
		}
	}
	return names, nil
}

// unfinishedStart says whether a name is the temporary one of a file of the start.
func unfinishedStart(name string) bool {
	return slices.ContainsFunc(append([]string{startMark}, startFiles...), func(file string) bool {
		return strings.HasPrefix(name, "."+file+".tmp-")
	})
}

// signedLock says whether the file is the lock of a run directory, signed or still
// empty.
func signedLock(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && st.Mode().IsRegular() && (st.Size() == 0 || strings.HasPrefix(durable.Owner(path), "process "))
}
