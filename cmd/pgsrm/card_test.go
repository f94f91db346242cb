package main

import "testing"

// The command of a model card can be given to a shell, without keys and without flags
// that no result depends on.
func TestCommandLine(t *testing.T) {
	g := &globalOptions{args: []string{
		"train", "--out", "/home/me/runs/a", "--parent", "openai:m@http://me:secret@host/v1?key=secret", "--set", "chat.user=it's {prompt}",
		"--threads=2", "--resume", "--seed", "7",
	}}
	want := `pgsrm train --parent 'openai:m@http://[redacted]@host/v1?[redacted]' --set 'chat.user=it'\''s {prompt}' --seed 7`
	if got := g.commandLine(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := new(globalOptions).commandLine(); got != "" {
		t.Errorf("got %q", got)
	}
}
