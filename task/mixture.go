package task

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"pgsrm/config"
)

// Component is one task of a mixture.
type Component struct {
	Name   string
	Weight float64 // relative share of the prompts that are trained on; 0 = as many as it has
}

// maxComponents bounds a mixture.
const maxComponents = 64

// components reads NAME[=WEIGHT],NAME[=WEIGHT]...; a name that is a file is one, whatever
// characters it has.
func components(name string) ([]Component, error) {
	if _, err := os.Stat(name); err == nil || !strings.ContainsAny(name, ",=") {
		return []Component{{Name: name}}, nil
	}
	bad := func(must, value string) error {
		return &config.Error{Key: "task", Must: must, Value: fmt.Sprintf("%q", value)}
	}
	var out []Component
	weighted := 0
	for one := range strings.SplitSeq(name, ",") {
		c := Component{Name: one}
		if at := strings.LastIndexByte(one, '='); at >= 0 {
			w, err := strconv.ParseFloat(one[at+1:], 64)
			if err != nil || !(w >= 1e-3 && w <= 1e3) {
				return nil, bad("weights of a mixture must be numbers between 0.001 and 1000", one)
			}
			c.Name, c.Weight, weighted = one[:at], w, weighted+1
		}
		if c.Name == "" || c.Name == "-" {
			return nil, bad("a mixture must be of built-in tasks, files and data sets: NAME[=WEIGHT],NAME[=WEIGHT]", name)
		}
		if slices.ContainsFunc(out, func(d Component) bool { return d.Name == c.Name }) {
			return nil, bad("a mixture must have each task once", one)
		}
		out = append(out, c)
	}
	if len(out) > maxComponents {
		return nil, bad(fmt.Sprintf("a mixture must have at most %d tasks", maxComponents), fmt.Sprint(len(out)))
	}
	if weighted != 0 && weighted != len(out) {
		return nil, bad("a mixture must have a weight for every task, or for none", name)
	}
	return out, nil
}

// mix makes one task of several. An item is named after its task, too; of a prompt that
// two of them have the first counts.
func mix(all []Component, o Options) (*Task, error) {
	out := &Task{System: "Answer the prompt. Output only the answer.", Kind: Lexical}
	seen := map[string]bool{}
	repeated := 0
	for _, c := range all {
		part := o
		if slices.Contains(Names(), c.Name) { // whose fields and splits are fixed
			part = DefaultOptions()
			part.Limit = o.Limit
		}
		t, err := loadOne(c.Name, part)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out.Components, func(d Component) bool { return d.Name == t.Name }) {
			return nil, &config.Error{Key: "task", Must: "the tasks of a mixture must have names of their own", Value: fmt.Sprintf("%q twice", t.Name)}
		}
		out.Components = append(out.Components, Component{t.Name, c.Weight})
		for _, it := range t.Items {
			if seen[it.Prompt] {
				repeated++
				continue
			}
			seen[it.Prompt] = true
			it.ID, it.Task = t.Name+"/"+it.ID, t.Name
			out.Items = append(out.Items, it)
		}
		for _, text := range t.Warnings {
			out.Warnings = append(out.Warnings, t.Name+": "+text)
		}
		if t.Kind != Lexical {
			out.Kind = Sentence
		}
		out.holdsOut = out.holdsOut || t.holdsOut
		out.MaxNewTokens = max(out.MaxNewTokens, t.MaxNewTokens)
	}
	if repeated > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("prompts that stand in an earlier task of the mixture: %d (left out)", repeated))
	}
	names := make([]string, len(out.Components))
	for i, c := range out.Components {
		names[i] = c.Name
	}
	out.Name = strings.Join(names, "+")
	return out, nil
}

// cycle is the length of a Schedule: weights are kept to one in so many.
const cycle = 1024

// Schedule says which component each prompt of training is of, in a cycle that repeats:
// as evenly spread as their weights allow. nil where they have none.
func (t *Task) Schedule() []int {
	sum := 0.0
	for _, c := range t.Components {
		sum += c.Weight
	}
	if sum == 0 {
		return nil
	}
	out, count := make([]int, cycle), make([]int, len(t.Components))
	for at := range out {
		most, next := math.Inf(-1), 0
		for i, c := range t.Components { // the one that is furthest behind its share
			if behind := c.Weight/sum*float64(at+1) - float64(count[i]); behind > most {
				most, next = behind, i
			}
		}
		out[at] = next
		count[next]++
	}
	return out
}
