package task

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// builtins loads all built-in tasks.
func builtins(t *testing.T) map[string]*Task {
	t.Helper()
	out := map[string]*Task{}
	for _, name := range Names() {
		k, err := Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = k
	}
	return out
}

func TestNames(t *testing.T) {
	want := []string{"colors", "opposites", "categories", "copy", "sentiment"}
	if d := cmp.Diff(want, Names()); d != "" {
		t.Error(d)
	}
	_, err := Builtin("colours")
	if got, want := errText(err), `task: name must be one of colors, opposites, categories, copy, sentiment (got "colours")`; got != want {
		t.Errorf("error is %q, want %q", got, want)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestForms compares the first item of each task with a literal.
func TestForms(t *testing.T) {
	want := map[string]Item{
		"colors": {ID: "red-and-blue", Prompt: "Mix the two colors and output only one lowercase color name: red and blue is => ",
			Input: "red and blue", Reference: "purple", Accepted: []string{"violet"}, Split: Train},
		"opposites":  {ID: "hot", Prompt: "The opposite of 'hot' is ", Input: "hot", Reference: "cold", Accepted: []string{"cool", "freezing"}, Split: Train},
		"categories": {ID: "dog", Prompt: "What category does this word belong to: 'dog'?", Input: "dog", Reference: "animal", Split: HeldOut},
		"copy": {ID: "the-dog-runs-in-the-park", Prompt: "Copy this sentence: 'the dog runs in the park'",
			Input: "the dog runs in the park", Reference: "the dog runs in the park", Split: Train},
		"sentiment": {ID: "i-love-my-new-job", Prompt: "Rewrite this as sad: 'i love my new job'",
			Input: "i love my new job", Reference: "i lost my new job", Split: Train},
	}
	for name, k := range builtins(t) {
		if d := cmp.Diff(want[name], k.Items[0]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestData checks what every built-in item promises: enough of them, unique
// prompts and IDs, plain lower-case text, an accepted answer that is none twice.
func TestData(t *testing.T) {
	least := map[string]int{"colors": 90, "opposites": 120, "categories": 120, "copy": 120, "sentiment": 120}
	word, sentence := regexp.MustCompile(`^[a-z]+$`), regexp.MustCompile(`^[a-z]+( [a-z]+){3,7}$`)
	for name, k := range builtins(t) {
		if len(k.Items) < least[name] {
			t.Errorf("%s: %d items, want at least %d", name, len(k.Items), least[name])
		}
		ids, prompts := map[string]bool{}, map[string]bool{}
		for _, it := range k.Items {
			if ids[it.ID] || prompts[it.Prompt] {
				t.Errorf("%s: %s stands twice", name, it.ID)
			}
			ids[it.ID], prompts[it.Prompt] = true, true
			form := word
			if k.Kind == Sentence {
				form = sentence
			}
			answers := append([]string{it.Reference}, it.Accepted...)
			for i, a := range answers {
				if !form.MatchString(a) || Exact(a, "", answers[:i]) {
					t.Errorf("%s: %s: answer %q is malformed or repeated", name, it.ID, a)
				}
			}
			if name != "copy" && it.Input == it.Reference {
				t.Errorf("%s: %s: answer equals the input", name, it.ID)
			}
		}
	}
}

// TestAnswerBalance bounds the share of the commonest answer: what a constant
// answer would earn under exact match.
func TestAnswerBalance(t *testing.T) {
	most := map[string]float64{"colors": 0.08, "opposites": 0.02, "categories": 0.04, "copy": 0.01, "sentiment": 0.01}
	distinct := map[string]int{"colors": 30, "opposites": 170, "categories": 25, "copy": 130, "sentiment": 130}
	for name, k := range builtins(t) {
		count := map[string]int{}
		for _, it := range k.Items {
			count[it.Reference]++
			if share := float64(count[it.Reference]) / float64(len(k.Items)); share > most[name] {
				t.Errorf("%s: answer %q has a share of %.3f, want at most %g", name, it.Reference, share, most[name])
			}
		}
		if len(count) < distinct[name] {
			t.Errorf("%s: %d distinct answers, want at least %d", name, len(count), distinct[name])
		}
	}
}

func TestColorsComplete(t *testing.T) {
	answers := map[string]string{}
	for _, it := range builtins(t)["colors"].Items {
		answers[it.Input] = it.Reference
	}
	base := strings.Fields("red blue yellow green orange purple black white pink brown")
	for _, a := range base {
		for _, b := range base {
			if a != b && (answers[a+" and "+b] == "" || answers[a+" and "+b] != answers[b+" and "+a]) {
				t.Errorf("%s and %s: answers %q and %q", a, b, answers[a+" and "+b], answers[b+" and "+a])
			}
		}
	}
}

// TestSentenceVocabulary keeps the words of both sentence tasks few enough for
// the embedded child's vocabulary of 2,000 tokens.
func TestSentenceVocabulary(t *testing.T) {
	words := map[string]bool{}
	k := builtins(t)
	for _, it := range append(k["copy"].Items, k["sentiment"].Items...) {
		for _, w := range strings.Fields(it.Input + " " + it.Reference) {
			words[w] = true
		}
	}
	if len(words) < 300 || len(words) > 400 {
		t.Errorf("%d distinct words, want 300 to 400", len(words))
	}
}
