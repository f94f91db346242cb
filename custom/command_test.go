package custom

import (
	"runtime"
	"slices"
	"testing"
)

func TestSplitWords(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a backslash separates folders there")
	}
	for text, want := range map[string][]string{
		`python3 my_reward.py`:           {"python3", "my_reward.py"},
		` a  'b c'"d e"f ''`:             {"a", "b cd ef", ""},
		`a\ b "x\"y\z" 'it''s' --k=v~#!`: {"a b", `x"y\z`, "its", "--k=v~#!"},
		`a '$HOME | > *' "(;)"`:          {"a", "$HOME | > *", "(;)"},
		`a é\$x "\$y"`:                   {"a", "é$x", "$y"},
		``:                               nil,
	} {
		if got, plain, err := splitWords(text); err != nil || !plain || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, %v, want %q", text, got, plain, err, want)
		}
	}
	for _, text := range []string{"a | b", "a && b", "a; b", "a > f", "a $X", "a `b`", `a "$X"`, "a *.py", "X=1 a", "~/a", "a ~/b", "! a", "a # b", "a\nb", "(a)", "a [b]"} {
		if got, plain, err := splitWords(text); err != nil || plain {
			t.Errorf("%s: got %q, plain %v, %v", text, got, plain, err)
		}
	}
}

func TestCommandWithAShell(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no shell there")
	}
	if got, err := command("X=1 cat | cat"); err != nil || !slices.Equal(got, []string{"sh", "-c", "X=1 cat | cat"}) {
		t.Errorf("got %q, %v", got, err)
	}
}
