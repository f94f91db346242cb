package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/help.md anew")

// TestHelpPage holds that docs/help.md is the help of every command.
func TestHelpPage(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "help.md")
	want := helpPage()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/help.md: must be the help of every command: go test ./cmd/pgsrm -run TestHelpPage -update")
	}
}

// helpPage is the help of all commands as one page, EXIT STATUS once.
func helpPage() string {
	var b strings.Builder
	b.WriteString("# Help of every command\n\nMade by `go test ./cmd/pgsrm -run TestHelpPage -update`; [commands.md](commands.md) is the guide.\n\n")
	b.WriteString("Every command ends with one of these codes:\n\n```text" + strings.TrimPrefix(exitStatusHelp, "\nEXIT STATUS") + "\n```\n")
	root := newRootCommand(&globalOptions{})
	root.InitDefaultHelpCmd()
	eachCommand(root, func(c *cobra.Command) {
		var help bytes.Buffer
		c.SetOut(&help)
		c.InitDefaultHelpFlag()
		c.InitDefaultVersionFlag()
		if err := c.Help(); err != nil {
			panic(err) // a buffer takes everything
		}
		text := strings.Replace(help.String(), exitStatusHelp, "", 1)
		b.WriteString("\n## " + c.CommandPath() + "\n\n```text\n" + strings.TrimSpace(text) + "\n```\n")
	})
	return b.String()
}

// TestGuideHasEveryCommand holds that docs/commands.md tells of each command.
func TestGuideHasEveryCommand(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	eachCommand(newRootCommand(&globalOptions{}), func(c *cobra.Command) {
		if c.HasParent() && !strings.Contains(string(guide), "\n## "+strings.TrimPrefix(c.CommandPath(), "pgsrm ")+"\n") {
			t.Errorf("docs/commands.md: must have a section %q", strings.TrimPrefix(c.CommandPath(), "pgsrm "))
		}
	})
}
