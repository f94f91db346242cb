package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pgsrm/config"
)

// The states of a run directory.
const (
	DirAbsent   = "absent"   // nothing is there; a run would make it
	DirEmpty    = "empty"    // a folder without a run
	DirBegun    = "begun"    // a run that is not complete, to Resume
	DirComplete = "complete" // a run that is complete
)

// Inspect says what a run would find in the run directory at path, and changes
// nothing. A run that a process is training there is ErrLocked, a folder that
// holds something but no run ErrConfig.
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
	if err := lockFree(filepath.Join(path, LockFile)); err != nil {
		return "", err
	}
	_, begun, err := ReadConfig(path)
	switch {
	case err != nil:
		return "", err
	case !begun:
		return DirEmpty, refuseForeign(path)
	}
	complete, err := hasChild(path)
	if err == nil && complete {
		return DirComplete, nil
	}
	return DirBegun, err
}

// hasChild says whether the run directory at path has the trained child: then the
// run is complete. A folder of that name that is empty is none; one that holds
// something without weights and configuration is an error.
func hasChild(path string) (bool, error) {
	child := filepath.Join(path, childDir)
	entries, err := os.ReadDir(child)
	switch {
	case errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0:
		return false, nil
	case err != nil:
		return false, config.Bad(err)
	}
	var weights, described bool
	for _, e := range entries {
		weights = weights || filepath.Ext(e.Name()) == ".safetensors"
		described = described || e.Name() == "config.json" || e.Name() == "adapter_config.json"
	}
	if !weights || !described {
		return false, config.Errorf("%s: must hold a whole child, weights and configuration: remove the folder and resume to have it written again", child)
	}
	return true, nil
}
