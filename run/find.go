package run

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pgsrm/config"
)

// How far Find looks.
const (
	findDepth   = 8       // levels below the folder
	findFolders = 100_000 // in all
)

// Find lists the run directories at or below a folder, in lexical order: those of a
// comparison, of several, or one. It neither follows symbolic links below the folder, nor
// looks into run directories, hidden folders or those that it may not read.
func Find(folder string) ([]string, error) {
	st, err := os.Stat(folder)
	if err != nil {
		return nil, config.Bad(err)
	}
	if !st.IsDir() {
		return nil, config.Errorf("%s: must be a folder", folder)
	}
	if _, err := os.ReadDir(folder); err != nil {
		return nil, config.Bad(err)
	}
	var found []string
	left := findFolders
	var look func(dir string, depth int)
	look = func(dir string, depth int) {
		if left--; left < 0 {
			return
		}
		if isRun(dir) {
			found = append(found, dir)
			return
		}
		entries, err := os.ReadDir(dir)
		if err != nil || depth == findDepth {
			return
		}
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				look(filepath.Join(dir, e.Name()), depth+1)
			}
		}
	}
	look(filepath.Clean(folder), 0)
	if left < 0 {
		return nil, config.Errorf("%s: must have at most %d folders: name one with runs", folder, findFolders)
	}
	return found, nil
}

// isRun says whether a run has begun in a folder.
func isRun(dir string) bool {
	return isFile(filepath.Join(dir, ConfigFile)) && isFile(filepath.Join(dir, EnvironmentFile))
}

// mustBeRun is the error for a folder in which no run has begun.
func mustBeRun(dir string) error {
	if isRun(dir) {
		return nil
	}
	switch found, err := Find(dir); {
	case err != nil:
		return err
	case len(found) > 0:
		return fmt.Errorf("%w; it holds %d of them: pgsrm runs list %s", config.Errorf("%s: must be a run directory", dir), len(found), dir)
	}
	return config.Errorf("%s: must be a run directory, which has %s and %s", dir, ConfigFile, EnvironmentFile)
}
