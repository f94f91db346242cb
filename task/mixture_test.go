package task

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMixtures(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine,too.jsonl")
	other := filepath.Join(dir, "other.jsonl")
	for path, text := range map[string]string{mine: `{"prompt":"a","reference":"b c","split":"train"}`, other: `{"prompt":"x","reference":"y"}
{"prompt":"a","reference":"z"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k, err := Load("colors=1,"+other+"=3", DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	colors, err := Load("colors", DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if k.Name != "colors+other" || k.Kind != Lexical || len(k.Items) < len(colors.Items)+1 {
		t.Errorf("got %s, %s, %d items", k.Name, k.Kind, len(k.Items))
	}
	first, last := k.Items[0], k.Items[len(k.Items)-1]
	if first.Task != "colors" || first.ID != "colors/"+colors.Items[0].ID || last.Task != "other" || !strings.HasPrefix(last.ID, "other/") {
		t.Errorf("got %+v, %+v", first, last)
	}
	count := map[int]int{}
	schedule := k.Schedule()
	for i, c := range schedule {
		count[c]++
		if behind := float64(i+1)/4 - float64(count[0]); behind > 1 || behind < -1 {
			t.Fatalf("place %d: %d of colors", i, count[0])
		}
	}
	if count[0] != 256 || count[1] != 768 {
		t.Errorf("got %v", count)
	}
	if k, err := Load("colors,opposites", DefaultOptions()); err != nil || k.Schedule() != nil || k.Components[1].Name != "opposites" {
		t.Errorf("without weights: %v", err)
	}
	k, err = Load(mine+"x,"+other, DefaultOptions()) // no such file
	if err == nil {
		t.Errorf("got %+v", k)
	}
	if k, err := Load(mine, DefaultOptions()); err != nil || k.Name != "mine,too" || k.Components != nil {
		t.Errorf("a comma in a name: %v", err)
	}
	for name, want := range map[string]string{
		"colors=1,opposites":       `task: a mixture must have a weight for every task, or for none (got "colors=1,opposites")`,
		"colors=x,opposites=1":     `task: weights of a mixture must be numbers between 0.001 and 1000 (got "colors=x")`,
		"colors=0,opposites=1":     `task: weights of a mixture must be numbers between 0.001 and 1000 (got "colors=0")`,
		"colors,colors":            `task: a mixture must have each task once (got "colors")`,
		"colors,-":                 `task: a mixture must be of built-in tasks, files and data sets: NAME[=WEIGHT],NAME[=WEIGHT] (got "colors,-")`,
		"colors,":                  `task: a mixture must be of built-in tasks, files and data sets: NAME[=WEIGHT],NAME[=WEIGHT] (got "colors,")`,
		"colors,other.csv":         `task: other.csv: no such file or directory`,
		other + "," + other + ".x": `task: must be one of colors, opposites, categories, copy, sentiment, a file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, also with .gz or .zst), - or hf:datasets/ORG/NAME (got "` + other + `.x")`,
	} {
		if _, err := Load(name, DefaultOptions()); errText(err) != want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, want)
		}
	}
}
