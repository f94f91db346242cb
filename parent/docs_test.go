package parent

import (
	"os"
	"strings"
	"testing"

	"pgsrm/remote"
	"pgsrm/remote/completions"
)

// docs/parents.md names every kind of fault and every reason.
func TestParentsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/parents.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []remote.Kind{
		remote.Connection, remote.Cut, remote.Timeout, remote.RateLimited, remote.Server, remote.Auth, remote.Rejected,
		remote.Redirect, remote.TooLarge, remote.Reply, remote.Down,
	} {
		if !strings.Contains(string(page), "| `"+string(kind)+"` |") {
			t.Errorf("fault %s is not described", kind)
		}
	}
	for _, reason := range []completions.Reason{emptyAnswer, tooLong, severalLines, notJSON, wrongField, noText, placeholderAnswer, completions.Declined, completions.CutShort, completions.Filtered, completions.Unfinished} {
		if !strings.Contains(string(page), "`"+string(reason)+"`") {
			t.Errorf("reason %s is not described", reason)
		}
	}
	for _, text := range []string{jsonInstruction, remote.DefaultKeyEnv, remote.OpenAIURL} {
		if !strings.Contains(string(page), text) {
			t.Errorf("%q is not described", text)
		}
	}
}
