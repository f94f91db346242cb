package study

import (
	"path/filepath"
	"slices"
	"strings"

	"pgsrm/corpus"
	"pgsrm/task"
)

// What stands before the name of a built-in task, or of the cell's own one.
const (
	phrasings = "phrasings:"
	subjects  = "subjects:"
	ownTask   = "own"
)

// loadTask loads the task that a name denotes: beside those of task.Load, phrasings:NAME
// is a built-in task in other words and subjects:NAME one of other inputs.
func loadTask(name string, o task.Options) (*task.Task, error) {
	if of, ok := strings.CutPrefix(name, phrasings); ok {
		return corpus.Phrasings(of)
	}
	if of, ok := strings.CutPrefix(name, subjects); ok {
		return corpus.Subjects(of)
	}
	return task.Load(name, o)
}

// otherTask is the task that a name under measure.tasks denotes for a cell, and how its
// numbers are called; "" where there is none beside the cell's own task.
func otherTask(name, own string) (load, called string) {
	for _, prefix := range []string{phrasings, subjects} {
		if name != prefix+ownTask {
			continue
		}
		if !slices.Contains(task.Names(), own) || prefix == subjects && own == "colors" {
			return "", "" // a file, a mixture, or a task without further inputs
		}
		return prefix + own, strings.TrimSuffix(prefix, ":") + "_" + ownTask
	}
	if name == own {
		return "", ""
	}
	return name, shortTask(name)
}

// shortTask is how the numbers of a task are called: a file without its folder.
func shortTask(name string) string {
	base := filepath.Base(name)
	return strings.ReplaceAll(strings.TrimSuffix(base, filepath.Ext(base)), ":", "_")
}

// part is some of the prompts of a task, measured together.
type part struct {
	name  string
	items []task.Item
}

// parts are the two splits of a task and, where the task holds out prompts of subjects that
// it also trains on, as well as whole subjects, these two kinds of held-out prompts.
func parts(t *task.Task) []part {
	train, held := t.Select(task.Train), t.Select(task.HeldOut)
	known := map[string]bool{}
	for _, it := range train {
		known[it.Input] = it.Input != ""
	}
	var old, fresh []task.Item
	for _, it := range held {
		if known[it.Input] {
			old = append(old, it)
		} else if it.Input != "" {
			fresh = append(fresh, it)
		}
	}
	out := []part{{"train", train}, {"held_out", held}}
	if len(old) > 0 && len(fresh) > 0 {
		out = append(out, part{"new_phrasings", old}, part{"new_subjects", fresh})
	}
	return out
}
