package task

import (
	"fmt"
	"strings"
	"testing"
)

// TestSplitSupport checks that training shows every held-out answer (lexical) or
// word (sentence), and that about a fifth is held out.
func TestSplitSupport(t *testing.T) {
	for name, k := range builtins(t) {
		seen := map[string]bool{}
		parts := func(it Item) []string {
			if k.Kind == Lexical {
				return []string{it.Reference}
			}
			return strings.Fields(it.Input + " " + it.Reference)
		}
		for _, it := range k.Select(Train) {
			for _, p := range parts(it) {
				seen[p] = true
			}
		}
		held := k.Select(HeldOut)
		for _, it := range held {
			for _, p := range parts(it) {
				if !seen[p] {
					t.Errorf("%s: %s: training never shows %q", name, it.ID, p)
				}
			}
		}
		if share := float64(len(held)) / float64(len(k.Items)); share < 0.15 || share > 0.2 {
			t.Errorf("%s: share held out is %.3f, want 0.15 to 0.2", name, share)
		}
		if n := len(k.Select(Train)) + len(held); n != len(k.Items) {
			t.Errorf("%s: splits hold %d items, want %d", name, n, len(k.Items))
		}
	}
}

func TestSplitKeepsOrdersOfAPairTogether(t *testing.T) {
	split := map[string]Split{}
	for _, it := range builtins(t)["colors"].Items {
		split[it.Input] = it.Split
	}
	for input, s := range split {
		a, b, _ := strings.Cut(input, " and ")
		if split[b+" and "+a] != s {
			t.Errorf("%s and its other order are in different splits", input)
		}
	}
}

// TestDigestsAreStable pins data, prompts and splits: results of earlier versions
// cannot be compared across a change of any of them.
func TestDigestsAreStable(t *testing.T) {
	want := map[string]string{
		"colors":     "28692d41c034b178",
		"opposites":  "fd80e690942fb8b3",
		"categories": "44649f64a76fb21b",
		"copy":       "b58a062b679a27a8",
		"sentiment":  "674c5472e17edbad",
	}
	for name, k := range builtins(t) {
		if got := k.Digest()[:16]; got != want[name] {
			t.Errorf("%q: %q,", name, got)
		}
	}
}

func TestDigestSeesEveryField(t *testing.T) {
	base := func() *Task {
		return &Task{Name: "n", Kind: Lexical, System: "s", MaxNewTokens: 4,
			Items: []Item{{ID: "i", Prompt: "p", Input: "in", Reference: "r", Accepted: []string{"ab", "c"}, Split: Train}}}
	}
	changes := []func(k *Task){
		func(k *Task) {},
		func(k *Task) { k.Name = "m" },
		func(k *Task) { k.Kind = Sentence },
		func(k *Task) { k.System = "t" },
		func(k *Task) { k.MaxNewTokens = 5 },
		func(k *Task) { k.Items[0].ID = "j" },
		func(k *Task) { k.Items[0].Prompt = "q" },
		func(k *Task) { k.Items[0].Input = "" },
		func(k *Task) { k.Items[0].Reference = "" },
		func(k *Task) { k.Items[0].Accepted = []string{"a", "bc"} },
		func(k *Task) { k.Items[0].Accepted = []string{"abc"} },
		func(k *Task) { k.Items[0].Split = HeldOut },
		func(k *Task) { k.Items = append(k.Items, Item{}) },
	}
	seen := map[string]int{}
	for i, change := range changes {
		k := base()
		change(k)
		if j, ok := seen[k.Digest()]; ok {
			t.Errorf("changes %d and %d have one digest", i, j)
		}
		seen[k.Digest()] = i
	}
}

func TestHashSplit(t *testing.T) {
	items := make([]Item, 5000)
	for i := range items {
		items[i].ID = fmt.Sprint(i)
	}
	hashSplit(items, DefaultOptions())
	held := 0
	for _, it := range items {
		if it.Split == HeldOut {
			held++
		}
	}
	if held < 900 || held > 1100 { // 1000 expected, standard deviation 28
		t.Errorf("%d of 5000 held out, want about 1000", held)
	}
	fixed := []Item{{ID: "a", Split: HeldOut}, {ID: "b", Split: Train}}
	hashSplit(fixed, DefaultOptions())
	if fixed[0].Split != HeldOut || fixed[1].Split != Train {
		t.Errorf("splits given in the file were changed: %v", fixed)
	}
}
