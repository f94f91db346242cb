package embed

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"pgsrm/remote"
)

// docs/embedders.md names every kind of fault, every count, and the defaults.
func TestEmbeddersPage(t *testing.T) {
	text, err := os.ReadFile("../docs/embedders.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, kind := range []remote.Kind{
		remote.Connection, remote.Cut, remote.Timeout, remote.RateLimited, remote.Server, remote.Auth, remote.Rejected,
		remote.Redirect, remote.TooLarge, remote.Reply, remote.Down,
	} {
		if !strings.Contains(page, "| `"+string(kind)+"`") {
			t.Errorf("fault %s is not described", kind)
		}
	}
	all := Counts{Texts: 1, Tokens: 1, Refused: 1, Faulty: 1, Splits: 1, Cut: 1}
	for name := range all.Values() {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("count %s is not described", name)
		}
	}
	for _, kind := range serverKinds {
		if !strings.Contains(page, fmt.Sprintf("%d for `%s:`", wires[kind].items, kind)) || !strings.Contains(page, "`"+kind+":") {
			t.Errorf("%s is not described", kind)
		}
	}
	if !strings.Contains(page, fmt.Sprint(sameCosine)) || !strings.Contains(page, "(200,000; 100,000 for") || wires["openai"].tokens != 200_000 {
		t.Error("the defaults are not described")
	}
}
