package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The states of a run directory.
const (
	DirAbsent   = "absent"   // nothing is there; a run would make it
	DirEmpty    = "empty"    // a folder without a run
	DirBegun    = "begun"    // a run that is not complete; Resume goes on
	DirComplete = "complete" // a run that is complete
)

// Inspect says what a run would find in the run directory at path, and changes
// nothing. A run that is going on there is ErrLocked.
func Inspect(path string) (state string, err error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return DirAbsent, nil
	case err != nil:
		return "", err
	case !st.IsDir():
		return "", fmt.Errorf("%s must be a folder", path)
	}
	if err := lockFree(filepath.Join(path, lockFile)); err != nil {
		return "", err
	}
	_, begun, err := ReadConfig(path)
	switch {
	case err != nil:
		return "", err
	case !begun:
		return DirEmpty, nil
	}
	if _, err := os.Stat(filepath.Join(path, childDir)); err == nil {
		return DirComplete, nil
	}
	return DirBegun, nil
}
