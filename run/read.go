package run

import (
	"errors"
	"os"
	"path/filepath"

	"pgsrm/config"
)

// ReadConfig reads the resolved configuration of a run directory. ok is false
// where no run has begun.
func ReadConfig(dir string) (cfg Config, ok bool, err error) {
	path := filepath.Join(dir, configFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return Config{}, false, nil
	}
	cfg, err = Load(path, []config.Setting{{From: "--out", Key: "out", Value: dir}})
	return cfg, err == nil, err
}
