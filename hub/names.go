package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// namePattern is what a hub allows as ORG/NAME, or NAME alone for its oldest models.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?$`)

// revisionPattern is what a hub allows as a branch, a tag or a commit.
var revisionPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]*$`)

// datasets begins the name of a data set, as in the addresses of a hub.
const datasets = "datasets/"

// isDataset says whether a name is that of a data set, datasets/ORG/NAME.
func isDataset(name string) bool { return strings.HasPrefix(name, datasets) }

// checkName reports a name or a revision that no hub has.
func checkName(name, revision string) error {
	if !namePattern.MatchString(strings.TrimPrefix(name, datasets)) || strings.Contains(name, "..") {
		return fmt.Errorf("hf: must be ORG/NAME, or datasets/ORG/NAME (got %q)", name)
	}
	if !revisionPattern.MatchString(revision) || strings.Contains(revision, "..") || strings.Contains(revision, "//") {
		return fmt.Errorf("hf:%s: revision must be a branch, a tag or a commit (got %q)", name, revision)
	}
	return nil
}

// homeOf is the folder of Hugging Face's programs in an environment: HF_HOME,
// else huggingface in XDG_CACHE_HOME or ~/.cache.
func homeOf(getenv func(string) string) (string, error) {
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

// cacheOf is the folder of Hugging Face's local cache in an environment:
// HF_HUB_CACHE, else hub in the folder of its programs.
func cacheOf(getenv func(string) string) (string, error) {
	if dir := getenv("HF_HUB_CACHE"); dir != "" {
		return dir, nil
	}
	home, err := homeOf(getenv)
	if err != nil {
		return "", err
	}
	return filepath.Join(home, "hub"), nil
}

// repoName is the name of a model's or data set's folder in the cache.
func repoName(name string) string {
	if !isDataset(name) {
		name = "models/" + name
	}
	return strings.ReplaceAll(name, "/", "--")
}

// Folder is the folder of ORG/NAME or ORG/NAME@REVISION, datasets/ before it for a data set, in the local cache of
// Hugging Face: the snapshot of a commit, or the one that a branch (main, if none is
// given) or a tag points to. Nothing is fetched.
func Folder(name string) (string, error) {
	name, revision, given := strings.Cut(name, "@")
	if !given {
		revision = "main"
	}
	if err := checkName(name, revision); err != nil {
		return "", err
	}
	cache, err := cacheOf(os.Getenv)
	if err != nil {
		return "", fmt.Errorf("hf:%s: %w", name, err)
	}
	repo := filepath.Join(cache, repoName(name))
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
	if isDataset(name) {
		return dir, nil
	}
	_, err = os.Stat(filepath.Join(dir, "config.json"))
	if _, noAdapter := os.Stat(filepath.Join(dir, "adapter_config.json")); err != nil && noAdapter != nil {
		return "", fmt.Errorf("hf:%s: snapshot must hold the model: %w", name, err)
	}
	return dir, nil
}
