package task

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"": "", " \t\n": "", "Purple": "purple", "  the  dog\truns\n": "the dog runs", "ÉTÉ": "été",
	} {
		if got := Normalize(in); got != want {
			t.Errorf("Normalize(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNormalizeIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := Normalize(rapid.String().Draw(t, "s"))
		if twice := Normalize(once); twice != once {
			t.Fatalf("%q becomes %q", once, twice)
		}
	})
}

func TestExact(t *testing.T) {
	for _, c := range []struct {
		response, reference string
		accepted            []string
		want                bool
	}{
		{"purple", "purple", nil, true},
		{" Purple ", "purple", nil, true},
		{"violet", "purple", []string{"mauve", "Violet"}, true},
		{"purples", "purple", nil, false},
		{"", "", nil, false},
		{" ", "purple", []string{""}, false},
		{"the  dog", "the dog", nil, true},
	} {
		if got := Exact(c.response, c.reference, c.accepted); got != c.want {
			t.Errorf("Exact(%q, %q, %q) = %v, want %v", c.response, c.reference, c.accepted, got, c.want)
		}
	}
}

func TestJoint(t *testing.T) {
	for _, k := range builtins(t) {
		want := " "
		if k.Name == "colors" || k.Name == "opposites" {
			want = ""
		}
		if got := Joint(k.Items[0].Prompt); got != want {
			t.Errorf("%s: Joint is %q, want %q", k.Name, got, want)
		}
	}
	for prompt, want := range map[string]string{"": "", "a": " ", "a\n": "", "a\t": "", "'": " "} {
		if got := Joint(prompt); got != want {
			t.Errorf("Joint(%q) = %q, want %q", prompt, got, want)
		}
	}
}
