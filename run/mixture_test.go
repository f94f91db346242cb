package run

import (
	"context"
	"slices"
	"testing"

	"pgsrm/task"
)

// The prompts of a mixture with weights come as its schedule says, each task in epochs of
// its own; without weights all are one.
func TestOrderOfAMixture(t *testing.T) {
	k, err := task.Load("colors=1,opposites=2", task.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	var prompts []prompt
	for i, it := range k.Items {
		prompts = append(prompts, prompt{item: it, index: i})
	}
	m, err := newMixture(k, prompts)
	if err != nil {
		t.Fatal(err)
	}
	schedule, count := k.Schedule(), map[string]int{}
	seen := map[string]map[int]int{"colors": {}, "opposites": {}}
	var first []int
	for at := range 3000 {
		p, epoch := m.prompt(7, at)
		if want := k.Components[schedule[at%len(schedule)]].Name; p.item.Task != want {
			t.Fatalf("place %d: got a prompt of %s, want %s", at, p.item.Task, want)
		}
		if epoch != seen[p.item.Task][p.index] {
			t.Fatalf("place %d: got epoch %d of a prompt that came %d times before", at, epoch, seen[p.item.Task][p.index])
		}
		count[p.item.Task]++
		seen[p.item.Task][p.index]++
		first = append(first, p.index)
	}
	for name, times := range seen {
		for index, n := range times {
			if whole := count[name] / len(times); n < whole || n > whole+1 {
				t.Errorf("%s: prompt %d came %d times of %d", name, index, n, count[name])
			}
		}
	}
	again, err := newMixture(k, prompts)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{2999, 5, 1024, 1023} { // in any order, as a resumed run asks
		if got, _ := again.prompt(7, at); got.index != first[at] {
			t.Errorf("place %d: got %d, want %d", at, got.index, first[at])
		}
	}
	if _, err := newMixture(k, prompts[:10]); err == nil || err.Error() != "task: opposites has no prompt to train on" {
		t.Errorf("got %v", err)
	}
}

// A run of a mixture measures its tasks one by one, too.
func TestRunOfAMixture(t *testing.T) {
	for _, name := range []string{"colors,opposites", "colors=1,opposites=3"} {
		dir := t.TempDir()
		cfg := testConfig(t, dir, "task="+name, "episodes=32", "preset=lexical")
		res, err := Start(context.Background(), cfg, testDeps(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"eval/train/exact_match", "eval/train/colors/exact_match", "eval/held_out/opposites/semantic", "eval/train/opposites/n"} {
			if _, ok := res.LastEval[key]; !ok {
				t.Errorf("%s: no %s", name, key)
			}
		}
		if all, a, b := res.LastEval["eval/train/n"], res.LastEval["eval/train/colors/n"], res.LastEval["eval/train/opposites/n"]; all != a+b || a == 0 || b == 0 {
			t.Errorf("%s: got %g of %g and %g", name, all, a, b)
		}
		answers, err := ReadAnswers(dir)
		if err != nil || !slices.ContainsFunc(answers, func(a Answer) bool { return a.ID[:7] == "colors/" }) {
			t.Errorf("%s: answers: %v", name, err)
		}
	}
}
