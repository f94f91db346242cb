package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The one command of docs/findings.md, in small: every study of the findings runs from end to
// end, and the tables beside the page are of these studies.
func TestFindings(t *testing.T) {
	if testing.Short() {
		t.Skip("trains some thirty runs; the script study has the same paths")
	}
	const kept = "../../docs/findings"
	files, err := filepath.Glob(kept + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %q, %v", files, err)
	}
	dir := t.TempDir()
	var out, log bytes.Buffer
	args := append([]string{"study", "--small", "--out", filepath.Join(dir, "runs"), "--tables", filepath.Join(dir, "tables")}, files...)
	if code := execute(args, strings.NewReader(""), &out, &log); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, log.String())
	}
	for _, file := range files {
		name := studyName(file) + "-groups.csv"
		made, keeps := csvHead(t, filepath.Join(dir, "tables", name)), csvHead(t, filepath.Join(kept, name))
		if made != keeps {
			t.Errorf("%s: must begin %q (got %q)", name, made, keeps)
		}
	}
}

func csvHead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\n")
	return head
}
