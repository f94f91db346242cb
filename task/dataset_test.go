package task

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeDataset puts the files of org/name into a cache of Hugging Face's layout.
func fakeDataset(t *testing.T, files map[string]string) {
	t.Helper()
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	repo := filepath.Join(cache, "datasets--org--name")
	commit := strings.Repeat("ab", 20)
	files["../../refs/main"] = commit
	for name, content := range files {
		path := filepath.Join(repo, "snapshots", commit, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDatasets(t *testing.T) {
	fakeDataset(t, map[string]string{
		"README.md":             "# data",
		"main/train-0-of-2.csv": "question,answer\na,1\nb,2\n", "main/train-1-of-2.csv": "question,answer\nc,3\n", "main/test.jsonl": `{"prompt":"d","reference":"4"}`,
		"other/data/train.json": `[{"prompt":"x"}]`,
		"flat.jsonl":            "",
	})
	k, err := Load("hf:datasets/org/name/main", DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range k.Items {
		got = append(got, it.Prompt+it.Reference+string(it.Split))
	}
	if want := "d4held-out a1train b2train c3train"; strings.Join(got, " ") != want || k.Name != "name-main" {
		t.Errorf("got %q, want %q; name %s", got, want, k.Name)
	}
	if k, err := Load("hf:datasets/org/name/other@main", DefaultOptions()); err != nil || len(k.Items) != 1 {
		t.Errorf("other: %v", err)
	}
	for name, want := range map[string]string{
		"hf:datasets/org/name":       "task: hf:datasets/org/name: must name one of the subsets main, other, as in hf:datasets/ORG/NAME/main",
		"hf:datasets/org/name/third": `task: hf:datasets/org/name/third: must have the subset "third" (it has main, other)`,
		"hf:datasets/org/name@v2":    "task: hf:datasets/org/name: must be in the cache " + os.Getenv("HF_HUB_CACHE") + " (fetch it with: pgsrm pull datasets/org/name --revision v2)",
		"hf:datasets/../name":        `task: hf: must be ORG/NAME, or datasets/ORG/NAME (got "datasets/../name")`,
	} {
		if _, err := Load(name, DefaultOptions()); errText(err) != want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, want)
		}
	}
}

// Without a file of held-out rows some are held out by their hash.
func TestDatasetWithoutTest(t *testing.T) {
	fakeDataset(t, map[string]string{"data/train.csv": "question,answer\n" + rowsOfCSV(50)})
	k, err := Load("hf:datasets/org/name", DefaultOptions())
	if err != nil || len(k.Select(HeldOut)) == 0 || k.Name != "name" {
		t.Errorf("got %+v, %v", k, err)
	}
}

func rowsOfCSV(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("x", i+1) + ",y\n")
	}
	return b.String()
}
