package study

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pgsrm/config"
	"pgsrm/run"
)

// Cell is one run of a study.
type Cell struct {
	// Name is the cell's folder below that of the cells, made of all levels:
	// "task=copy/reward=binary/seed=1". It does not depend on which other cells there are.
	Name   string
	Levels []string // [axes] names
	Config run.Config

	child  string // of the children that the study makes; "" = none of these
	parent string // of its parents, likewise
}

// ArmOf splits the text of a reward into what the reward is and the settings that go with
// it, as compare takes them in brackets.
type ArmOf func(text string) (reward string, settings []config.Setting, err error)

// Plan is the cells of a study in a folder.
type Plan struct {
	*Study
	Dir   string
	Axes  []string // keys, the seed last
	Cells []Cell   // those with the first seed first
}

// Plan lists the cells. It depends on the study and on what its configurations name
// alone: the tasks and children are looked at, nothing is written.
func (s *Study) Plan(dir string, armOf ArmOf) (*Plan, error) {
	p := &Plan{Study: s, Dir: dir}
	total := 1
	for _, a := range s.axes {
		p.Axes = append(p.Axes, a.key)
		if total *= len(a.levels); total > maxCells {
			return nil, &config.Error{File: s.file.Name, Key: "grid", Must: fmt.Sprintf("must make at most %d cells", maxCells)}
		}
	}
	taken := map[string]bool{}
	at := make([]int, len(s.axes)) // levels of the cell
	for range total {
		if !s.excluded(at) {
			c, err := p.cell(at, armOf)
			if err != nil {
				return nil, err
			}
			if taken[c.Name] {
				return nil, &config.Error{File: s.file.Name, Key: "grid", Must: "two levels must not have one folder: give them names, NAME: {KEY: VALUE}", Value: c.Name}
			}
			taken[c.Name] = true
			p.Cells = append(p.Cells, c)
		}
		s.next(at)
	}
	if len(p.Cells) == 0 {
		return nil, &config.Error{File: s.file.Name, Key: "exclude", Must: "must leave at least one cell"}
	}
	return p, nil
}

// next goes to the next cell: the seed changes last, so that a study that is cut short has
// every cell with its first seeds; of the other axes the last changes first.
func (s *Study) next(at []int) {
	order := make([]int, 0, len(at))
	for i := len(at) - 1; i >= 0; i-- {
		if s.axes[i].key != seedAxis {
			order = append(order, i)
		}
	}
	if n := len(at); s.axes[n-1].key == seedAxis {
		order = append(order, n-1)
	}
	for _, i := range order {
		if at[i]++; at[i] < len(s.axes[i].levels) {
			return
		}
		at[i] = 0
	}
}

// excluded says whether the file excludes the cell of these levels.
func (s *Study) excluded(at []int) bool {
	return slices.ContainsFunc(s.exclude, func(x partial) bool { return s.has(at, x) })
}

// has says whether the cell of these levels has those of x.
func (s *Study) has(at []int, x partial) bool {
	for i, a := range s.axes {
		if names, ok := x[a.key]; ok && !slices.Contains(names, a.levels[at[i]].name) {
			return false
		}
	}
	return true
}

// cell is the cell of these levels.
func (p *Plan) cell(at []int, armOf ArmOf) (Cell, error) {
	var c Cell
	settings := slices.Clone(p.base)
	by := map[string]string{} // key -> axis that sets it
	var folders []string
	for i, a := range p.axes {
		l := a.levels[at[i]]
		c.Levels = append(c.Levels, l.name)
		folders = append(folders, a.key+"="+run.FolderName(l.name))
		for _, s := range l.settings {
			if other, ok := by[s.Key]; ok && other != a.key {
				return c, &config.Error{Flag: s.From, Must: fmt.Sprintf("%s must be set by one axis alone, and %s sets it too", s.Key, other)}
			}
			by[s.Key] = a.key
		}
		settings = append(settings, l.settings...)
	}
	for _, o := range p.override {
		if p.has(at, o.partial) {
			settings = append(settings, o.settings...)
		}
	}
	for _, s := range settings {
		if s.Key == "out" {
			return c, &config.Error{Flag: s.From, Must: "must not be set: each cell has a folder of its own"}
		}
	}
	c.Name = strings.Join(folders, "/")
	var err error
	if c.Config, err = p.resolve(&c, settings, armOf); err != nil {
		return c, err
	}
	c.Config.Out = p.CellDir(c)
	return c, nil
}

// madeHere begins the name of a child or a parent that the study makes.
const madeHere = "study:"

// resolve makes the configuration of a cell.
func (p *Plan) resolve(c *Cell, settings []config.Setting, armOf ArmOf) (run.Config, error) {
	for i, s := range settings {
		name, made := strings.CutPrefix(s.Value, madeHere)
		switch s.Key {
		case "child":
			if c.child = ""; !made {
				continue
			}
			if _, ok := p.children[name]; !ok {
				return run.Config{}, notMade(s, "children", p.children)
			}
			c.child, settings[i].Value = name, p.childDir(name)
		case "parent":
			if c.parent = ""; !made {
				continue
			}
			if _, ok := p.parents[name]; !ok {
				return run.Config{}, notMade(s, "parents", p.parents)
			}
			c.parent, settings[i].Value = name, "builtin"
		}
	}
	settings, err := expand(settings, armOf)
	if err != nil {
		return run.Config{}, err
	}
	r, err := run.Resolve(config.File{}, settings)
	if err != nil {
		return run.Config{}, err
	}
	cfg := r.Config
	if c.parent != "" {
		cfg.Parent = "file:" + p.parentFile(c.parent, cfg)
	}
	return cfg, nil
}

// expand puts what the last reward that was set is, and the settings that go with it, in
// its place: what is set after it stands above these.
func expand(settings []config.Setting, armOf ArmOf) ([]config.Setting, error) {
	at := -1
	for i, s := range settings {
		if s.Key == "reward" {
			at = i
		}
	}
	if at < 0 {
		return settings, nil
	}
	s := settings[at]
	reward, own, err := armOf(s.Value)
	if err != nil {
		return nil, &config.Error{Flag: s.From, Must: err.Error(), Err: err}
	}
	put := []config.Setting{{From: s.From, Key: s.Key, Value: reward}}
	if own != nil {
		put = append(append(put, own...), config.Setting{From: s.From, Key: "arm", Value: strings.Join(strings.Fields(s.Value), "")})
	}
	before := slices.DeleteFunc(slices.Clone(settings[:at]), func(s config.Setting) bool { return s.Key == "reward" })
	return slices.Concat(before, put, settings[at+1:]), nil
}

// notMade is the error for what the study does not make.
func notMade[T any](s config.Setting, section string, all map[string]T) error {
	var names []string
	for name := range all {
		names = append(names, madeHere+name)
	}
	slices.Sort(names)
	must := fmt.Sprintf("the study must have a section %s for it", section)
	if len(names) > 0 {
		must = "must be one of " + strings.Join(names, ", ")
	}
	return &config.Error{Flag: s.From, Must: must, Value: s.Value, Hint: config.Nearest(s.Value, names)}
}

// The folders of a study.
const (
	cellsDir    = "cells"
	childrenDir = "children"
	parentsDir  = "parents"
)

// CellDir is the run directory of a cell.
func (p *Plan) CellDir(c Cell) string {
	return filepath.Join(p.Dir, cellsDir, filepath.FromSlash(c.Name))
}

// childDir is the folder of a child that the study makes.
func (p *Plan) childDir(name string) string { return filepath.Join(p.Dir, childrenDir, name) }

// Shard is the cells that one of several processes runs.
type Shard struct{ Index, Of int } // Index from 1

// ParseShard reads I/N; "" is all of it.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{1, 1}, nil
	}
	index, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if err != nil || err2 != nil || i < 1 || n < i || n > maxCells {
		return Shard{}, &config.Error{Flag: "--shard", Must: fmt.Sprintf("must be I/N with 1 <= I <= N <= %d", maxCells), Value: fmt.Sprintf("%q", text)}
	}
	return Shard{i, n}, nil
}

// Select are the cells of a shard: one of each Of that follow one another. Which one goes by the
// Thue-Morse sequence of base Of (the digits of the cell's index, summed): every Of-th would be the
// same arm time and again where an axis has a multiple of Of levels, and arms cost unlike.
func (p *Plan) Select(s Shard) []Cell {
	var out []Cell
	for i, c := range p.Cells {
		turn := i
		for rest := i / s.Of; rest > 0 && s.Of > 1; rest /= s.Of {
			turn += rest
		}
		if turn%s.Of == s.Index-1 {
			out = append(out, c)
		}
	}
	return out
}
