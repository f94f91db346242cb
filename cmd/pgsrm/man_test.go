package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command has a page with its own sections, the same bytes each time.
func TestManPages(t *testing.T) {
	first, again := t.TempDir(), filepath.Join(t.TempDir(), "new", "man")
	for _, dir := range []string{first, again} {
		if code := execute([]string{"man", "--out", dir}, strings.NewReader(""), io.Discard, os.Stderr); code != 0 {
			t.Fatalf("pgsrm man: exit code must be 0 (got %d)", code)
		}
	}
	eachCommand(newRootCommand(&globalOptions{}), func(c *cobra.Command) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Error(err)
			return
		}
		if repeated, err := os.ReadFile(filepath.Join(again, name)); err != nil || !bytes.Equal(page, repeated) {
			t.Errorf("%s: must be the same bytes each time (%v)", name, err)
		}
		for _, want := range []string{".SH NAME", ".SH SYNOPSIS", ".SH EXIT STATUS", "non-finite numbers"} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("%s: must contain %q", name, want)
			}
		}
		if c.Runnable() && !c.HasSubCommands() && !bytes.Contains(page, []byte(".SH EXAMPLES")) {
			t.Errorf("%s: must contain examples", name)
		}
	})
}

func TestManNeedsAFolder(t *testing.T) {
	var stderr bytes.Buffer
	if code := execute([]string{"man"}, strings.NewReader(""), io.Discard, &stderr); code != 3 || !strings.Contains(stderr.String(), "--out") {
		t.Errorf("pgsrm man: must end with exit code 3 and name --out (got %d, %q)", code, stderr.String())
	}
}
