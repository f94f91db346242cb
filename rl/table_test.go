package rl

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
)

// docs/metrics.md holds Table, and each algorithm's page names only what is in it.
func TestMetricsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := writeTable(&table); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, table.Bytes()) {
		t.Errorf("docs/metrics.md must hold this table:\n%s", table.String())
	}
	for _, name := range Algorithms() {
		_, metrics, _ := strings.Cut(readPage(t, name), "## Metrics")
		metrics, _, _ = strings.Cut(metrics, "## Implementation")
		for i, word := range strings.Split(metrics, "`") {
			if i%2 == 1 && strings.Contains(word, "/") && !Known(word) {
				t.Errorf("%s.md: metric %s is not in the table", name, word)
			}
		}
	}
}

func readPage(t *testing.T, name string) string {
	page, err := os.ReadFile("../docs/algorithms/" + name + ".md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// Each key of an algorithm's section stands in its page; the keys of the
// entropy bonus stand in PPO's.
func TestOptionsPages(t *testing.T) {
	o := DefaultOptions()
	for name, section := range map[string]any{"ppo": o.PPO, "grpo": o.GRPO, "rloo": o.RLOO, "paper": o.Paper, "raft": o.RAFT, "sft": o.SFT, "gkd": o.GKD} {
		page := readPage(t, name)
		for _, key := range keys("", reflect.TypeOf(section)) {
			if name != "ppo" && strings.HasPrefix(key, "entropy.") {
				continue
			}
			if !strings.Contains(page, "`"+key+"`") {
				t.Errorf("%s.md: option %s is missing", name, key)
			}
		}
	}
}

// keys lists the configuration keys of a struct, sections with a dot.
func keys(prefix string, t reflect.Type) []string {
	var list []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type.Kind() == reflect.Struct {
			list = append(list, keys(f.Tag.Get("yaml")+".", f.Type)...)
			continue
		}
		list = append(list, prefix+f.Tag.Get("yaml"))
	}
	return list
}

// What the algorithms report is what the table's third column says, both ways.
func TestTableSaysWhoReports(t *testing.T) {
	reported := map[string]map[string]bool{}
	all := variants()
	maps.Copy(all, rivals())
	for variant, o := range all {
		name := algorithmOf(variant)
		if reported[name] == nil {
			reported[name] = map[string]bool{}
		}
		a, err := New(name, o)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		p := newToy(3, 2, 4)
		m, err := a.Update(p, p.rollout(4, bandit, rng), Step{RNG: rng})
		if err != nil {
			t.Fatal(err)
		}
		for metric := range m {
			reported[name][metric] = true
		}
	}
	for _, row := range Table() {
		for _, name := range Algorithms() {
			says := row.By == "all" || strings.Contains(" "+row.By+" ", " "+name+" ")
			if says != reported[name][row.Name] {
				t.Errorf("%s by %s: the table says %v, it is %v", row.Name, name, says, !says)
			}
		}
	}
}

func TestKnown(t *testing.T) {
	for name, want := range map[string]bool{"reward": true, "rewards/cosine/mean": true, "rewards/mean": false, "rewards/a/b/mean": false, "": false} {
		if Known(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
