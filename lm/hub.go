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

// hubRevision is what a hub allows as a branch, a tag or a commit.
var hubRevision = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]*$`)

// CheckHubName reports a name or a revision that no hub has.
func CheckHubName(name, revision string) error {
	if !hubName.MatchString(name) || strings.Contains(name, "..") {
		return fmt.Errorf("hf: must be ORG/NAME (got %q)", name)
	}
	if !hubRevision.MatchString(revision) || strings.Contains(revision, "..") || strings.Contains(revision, "//") {
		return fmt.Errorf("hf:%s: revision must be a branch, a tag or a commit (got %q)", name, revision)
	}
	return nil
}

// HubHomeOf is the folder of Hugging Face's programs in an environment: HF_HOME,
// else huggingface in XDG_CACHE_HOME or ~/.cache.
func HubHomeOf(getenv func(string) string) (string, error) {
	if dir := getenv("HF_HOME"); dir != "" {
		return dir, nil
	}
	if dir := getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".cache", "huggingface"), nil
}

// HubCacheOf is the folder of Hugging Face's local cache in an environment:
// HF_HUB_CACHE, else hub in the folder of its programs.
func HubCacheOf(getenv func(string) string) (string, error) {
	if dir := getenv("HF_HUB_CACHE"); dir != "" {
		return dir, nil
	}
	home, err := HubHomeOf(getenv)
	if err != nil {
		return "", err
	}
	return filepath.Join(home, "hub"), nil
}

// HubRepo is the name of a model's folder in the cache.
func HubRepo(name string) string { return "models--" + strings.ReplaceAll(name, "/", "--") }

// HubFolder is the folder of ORG/NAME or ORG/NAME@REVISION in the local cache of
// Hugging Face: the snapshot of a commit, or the one that a branch (main, if none is
// given) or a tag points to. Nothing is fetched.
func HubFolder(name string) (string, error) {
	name, revision, given := strings.Cut(name, "@")
	if !given {
		revision = "main"
	}
	if err := CheckHubName(name, revision); err != nil {
		return "", err
	}
	cache, err := HubCacheOf(os.Getenv)
	if err != nil {
		return "", fmt.Errorf("hf:%s: %w", name, err)
	}
	repo := filepath.Join(cache, HubRepo(name))
	commit, err := os.ReadFile(filepath.Join(repo, "refs", filepath.FromSlash(revision)))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(repo, "snapshots", revision)); err != nil {
			hint := name
			if given {
				hint += " --revision " + revision
			}
			return "", fmt.Errorf("hf:%s: must be in the cache %s (fetch it with: pgsrm pull %s)", name, cache, hint)
		}
		commit, err = []byte(revision), nil
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
