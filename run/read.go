package run

import (
	"encoding/json"
	"errors"
	"fmt"
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

// ReadEnvironment reads what the run in a directory was made with.
func ReadEnvironment(dir string) (Environment, error) {
	var e Environment
	path := filepath.Join(dir, environmentFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return e, fmt.Errorf("environment: %w", err)
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("environment: %s: %w", path, err)
	}
	return e, nil
}
