package lm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// hubName is what a hub allows as ORG/NAME, or NAME alone for its oldest models.
var hubName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?$`)

// HubCache is the folder of Hugging Face's local cache: $HF_HUB_CACHE, else
// $HF_HOME/hub, else ~/.cache/huggingface/hub.
func HubCache() (string, error) {
	if dir := os.Getenv("HF_HUB_CACHE"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return filepath.Join(dir, "hub"), nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface", "hub"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".cache", "huggingface", "hub"), nil
}

// HubFolder is the folder of ORG/NAME in the local cache of Hugging Face: the
// snapshot that its branch main points to. Nothing is fetched.
func HubFolder(name string) (string, error) {
	if !hubName.MatchString(name) || strings.Contains(name, "..") {
		return "", fmt.Errorf("hf: must be ORG/NAME (got %q)", name)
	}
	cache, err := HubCache()
	if err != nil {
		return "", fmt.Errorf("hf:%s: %w", name, err)
	}
	repo := filepath.Join(cache, "models--"+strings.ReplaceAll(name, "/", "--"))
	commit, err := os.ReadFile(filepath.Join(repo, "refs", "main"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("hf:%s: must be in the cache %s (fetch it with: pgsrm pull %s)", name, cache, name)
	}
	if err != nil {
		return "", fmt.Errorf("hf:%s: %w", name, err)
	}
	dir := filepath.Join(repo, "snapshots", filepath.Base(strings.TrimSpace(string(commit))))
	if _, err := os.Stat(filepath.Join(dir, configFile)); err != nil && !IsAdapter(dir) {
		return "", fmt.Errorf("hf:%s: snapshot must hold the model: %w", name, err)
	}
	return dir, nil
}
