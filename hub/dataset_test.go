package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/remote"
)

// Of a data set the files of rows are fetched, of all its folders, and found again.
func TestPullDataset(t *testing.T) {
	files := map[string]string{
		"README.md": "# data", ".gitattributes": "x", "dataset_infos.json": "{}", "script.py": "code",
		"main/train-00000-of-00001.parquet": strings.Repeat("rows ", 1000), "main/test.jsonl": `{"a":1}`, "extra/all.csv.gz": "zip",
	}
	h := newFakeHub(t, files)
	cache := t.TempDir()
	pull := func(name, include string) (Result, error) {
		env := map[string]string{"HF_ENDPOINT": h.hub.URL, "HF_TOKEN": secret, "HF_HUB_CACHE": cache}
		return Pull(context.Background(), name, "", Deps{Include: include, Deps: remote.Deps{Getenv: func(name string) string { return env[name] }}})
	}
	res, err := pull("datasets/org/name", "main/*")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(cache, "datasets--org--name", "snapshots", commit); res.Path != want {
		t.Errorf("path %s, want %s", res.Path, want)
	}
	holds(t, res.Path, files, "README.md", "main/train-00000-of-00001.parquet", "main/test.jsonl")
	if res, err = pull("datasets/org/name", ""); err != nil {
		t.Fatal(err)
	}
	holds(t, res.Path, files, "README.md", "main/train-00000-of-00001.parquet", "main/test.jsonl", "extra/all.csv.gz")
	t.Setenv("HF_HUB_CACHE", cache)
	if dir, err := Folder("datasets/org/name"); err != nil || dir != res.Path {
		t.Errorf("Folder: got %s, %v", dir, err)
	}
	if _, err := Folder("datasets/org/other"); err == nil || !strings.Contains(err.Error(), "pgsrm pull datasets/org/other") {
		t.Errorf("Folder of none: %v", err)
	}
	for include, want := range map[string]string{
		"none/*": `pull datasets/org/name: data set must have a file of rows that matches "none/*"`,
		"[":      `pull datasets/org/name: data set must have a file of rows that matches "["`,
	} {
		if _, err := pull("datasets/org/name", include); !errors.Is(err, ErrInput) || err.Error() != want {
			t.Errorf("%s: got %v", include, err)
		}
	}
	h.files["../up.jsonl"] = "x"
	if _, err := pull("datasets/org/name", ""); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), `file of rows "../up.jsonl": each part`) {
		t.Errorf("a name that leads out: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cache, "datasets--org--name", "snapshots", "up.jsonl")); err == nil {
		t.Error("a file was written outside the snapshot")
	}
}
