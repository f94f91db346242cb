package study

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"pgsrm/config"
)

// Study is a study file that was read; it is read-only from then on. docs/studies.md
// describes the file.
type Study struct {
	About string // what it asks, a sentence or two
	// Left are levels that were left out, as what they need was not given, each with why.
	Left []string

	file     config.File
	names    []name           // that may be given
	base     []config.Setting // of all cells
	axes     []axis           // in the order of the file; that of the seeds is the last
	exclude  []partial        // cells that are none
	override []override       // settings of some cells, above those of their levels
	against  *against         // what the levels of one axis are compared with; nil = nothing
	match    *match           // a curve that is compared at equal height; nil = none
	metrics  []string         // of the Markdown table
	figure   figure           // what is drawn
	measures Measures         // of trained children
	children map[string]Child // made before the cells that need them
	parents  map[string]Wrong // likewise
	options  Options          // how the file was read
}

// Options say how a study file is read.
type Options struct {
	// Given are the values of the names that the file has under "given".
	Given map[string]string
	// Small takes the small version of the study.
	Small bool
}

// name is what may be given on the command line.
type name struct{ name, about string }

// axis is one thing in which cells differ.
type axis struct {
	key    string
	levels []level
	left   []string // names of levels that were left out, or are those of the whole study alone
}

// level is one value on an axis.
type level struct {
	name     string
	settings []config.Setting
}

// partial are levels by axis that a cell may have together.
type partial map[string][]string

// override are settings of the cells that have these levels together.
type override struct {
	partial
	settings []config.Setting
}

// against is the level that the others of its axis are compared with.
type against struct{ axis, level string }

// match is levels of the axis under "against" that differ in how far they were trained: they
// are compared with its level where both are as high in a metric.
type match struct {
	metric string
	levels []string
}

// figure is what is drawn of a study.
type figure struct {
	metric string // "" = the first of the table
	across string // the axis from left to right; "" = a bar for each arm
}

// Bounds of a study file.
const (
	maxCells  = 100_000
	maxSeeds  = 10_000
	maxLevels = 1_000
)

// Read reads a study file. Its errors are of config.ErrBad, one line long, and name the
// file, the line and the key.
func Read(file config.File, o Options) (*Study, error) {
	r := &reader{file: file.Name, given: o.Given}
	s := &Study{file: file, options: o, children: map[string]Child{}, parents: map[string]Wrong{}, metrics: defaultMetrics}
	root, err := r.root(file.Text)
	if err != nil {
		return nil, err
	}
	if err := s.readGiven(r, root, o.Given); err != nil {
		return nil, err
	}
	var small *yaml.Node
	fields := append(s.fields(r),
		field{"about", func(n *yaml.Node, key string) (err error) { s.About, err = r.text(n, key); return err }},
		field{"given", func(*yaml.Node, string) error { return nil }}, // was read first
		field{"exclude", func(n *yaml.Node, key string) error { return s.readExclude(r, n, key) }},
		field{"override", func(n *yaml.Node, key string) error { return s.readOverride(r, n, key) }},
		field{"against", func(n *yaml.Node, key string) error { return s.readAgainst(r, n, key) }},
		field{"match", func(n *yaml.Node, key string) error { return s.readMatch(r, n, key) }},
		field{"table", func(n *yaml.Node, key string) (err error) { s.metrics, err = r.list(n, key); return err }},
		field{"figure", func(n *yaml.Node, key string) error {
			return r.section(n, key, []field{
				{"metric", func(n *yaml.Node, key string) (err error) { s.figure.metric, err = r.text(n, key); return err }},
				{"across", func(n *yaml.Node, key string) (err error) { s.figure.across, err = r.text(n, key); return err }},
			})
		}},
		field{"small", func(n *yaml.Node, _ string) error { small = n; return nil }},
	)
	if err := r.section(root, "", fields); err != nil {
		return nil, err
	}
	switch {
	case o.Small && small == nil:
		return nil, &config.Error{File: file.Name, Key: "small", Must: "must be there for --small"}
	case small != nil && o.Small:
		if err := r.section(small, "small", s.fields(r)); err != nil {
			return nil, err
		}
	case small != nil: // read for its mistakes alone
		spare := &Study{names: s.names, children: map[string]Child{}, parents: map[string]Wrong{}}
		if err := r.section(small, "small", spare.fields(r)); err != nil {
			return nil, err
		}
	}
	return s, s.check(r)
}

// Asks are the names that may be given to a study.
func Asks(file config.File) ([]string, error) {
	r := &reader{file: file.Name}
	root, err := r.root(file.Text)
	if err != nil {
		return nil, err
	}
	var s Study
	if err := s.readGiven(r, root, nil); err != nil {
		return nil, err
	}
	var names []string
	for _, n := range s.names {
		names = append(names, n.name)
	}
	return names, nil
}

// fields are those that the small version may have too: there they are laid over the
// others.
func (s *Study) fields(r *reader) []field {
	return []field{
		{"base", func(n *yaml.Node, key string) error {
			settings, err := r.settings(n, key, "")
			s.base = append(s.base, settings...)
			return err
		}},
		{"grid", func(n *yaml.Node, key string) error { return s.readGrid(r, n, key) }},
		{"seeds", func(n *yaml.Node, key string) error { return s.readSeeds(r, n, key) }},
		{"measure", func(n *yaml.Node, key string) error { return s.measures.read(r, n, key) }},
		{"children", func(n *yaml.Node, key string) error { return readEach(r, n, key, s.children, readChild) }},
		{"parents", func(n *yaml.Node, key string) error { return readEach(r, n, key, s.parents, readWrong) }},
	}
}

// readEach reads a mapping of names to things of one kind.
func readEach[T any](r *reader, n *yaml.Node, key string, all map[string]T, read func(r *reader, n *yaml.Node, key string) (T, error)) error {
	pairs, err := r.pairs(n, key)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if err := r.folderName(p.key, key); err != nil {
			return err
		}
		if all[p.key.Value], err = read(r, p.value, join(key, p.key.Value)); err != nil {
			return err
		}
	}
	return nil
}

// folderName refuses a name that no folder can have.
func (r *reader) folderName(n *yaml.Node, key string) error {
	bad := func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c))
	}
	if n.Value == "" || len(n.Value) > 60 || n.Value[0] == '.' || strings.ContainsFunc(n.Value, bad) {
		return r.errorAt(n, key, "a name must have 1 to 60 of the characters a-z A-Z 0-9 - _ . and not begin with a dot", config.NodeText(n))
	}
	return nil
}

// readGiven reads what may be given, and refuses anything else that was.
func (s *Study) readGiven(r *reader, root *yaml.Node, given map[string]string) error {
	pairs, err := r.pairs(root, "")
	if err != nil {
		return err
	}
	var names []string
	for _, p := range pairs {
		if p.key.Value != "given" {
			continue
		}
		all, err := r.pairs(p.value, "given")
		if err != nil {
			return err
		}
		for _, g := range all {
			if g.value.Kind != yaml.ScalarNode {
				return r.errorAt(g.value, join("given", g.key.Value), "must be a text that says what it is", config.NodeText(g.value))
			}
			s.names = append(s.names, name{g.key.Value, g.value.Value})
			names = append(names, g.key.Value)
		}
	}
	for key := range given {
		switch {
		case slices.Contains(names, key):
		case len(names) == 0:
			return &config.Error{Flag: "--given", Must: fmt.Sprintf("must not be used: nothing can be given to %s", r.file), Value: key}
		default:
			return &config.Error{Flag: "--given", Must: "must be one of " + strings.Join(names, ", "), Value: key, Hint: config.Nearest(key, names)}
		}
	}
	return nil
}

// readGrid reads the axes; one that is there already is replaced.
func (s *Study) readGrid(r *reader, n *yaml.Node, key string) error {
	pairs, err := r.pairs(n, key)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		a, err := s.readAxis(r, p, join(key, p.key.Value))
		if err != nil {
			return err
		}
		s.setAxis(a)
	}
	return nil
}

func (s *Study) setAxis(a axis) {
	if at := slices.IndexFunc(s.axes, func(b axis) bool { return b.key == a.key }); at >= 0 {
		was := s.axes[at]
		for _, l := range was.levels {
			if !slices.ContainsFunc(a.levels, func(now level) bool { return now.name == l.name }) {
				a.left = append(a.left, l.name)
			}
		}
		a.left = append(a.left, was.left...)
		s.axes[at] = a
		return
	}
	s.axes = append(s.axes, a)
}

// readAxis reads a list of values of a key, or levels with names, each of which sets
// several keys.
func (s *Study) readAxis(r *reader, p pair, key string) (axis, error) {
	a := axis{key: p.key.Value}
	if err := r.folderName(p.key, "grid"); err != nil {
		return a, err
	}
	add := func(name string, n *yaml.Node, read func() ([]config.Setting, error)) error {
		if missing := r.missing(n); missing != "" && r.known(s.names, missing) {
			a.left = append(a.left, name)
			s.Left = append(s.Left, fmt.Sprintf("%s=%s: %s was not given", a.key, name, missing))
			return nil
		}
		settings, err := read()
		a.levels = append(a.levels, level{name, settings})
		return err
	}
	switch {
	case p.value.Kind == yaml.SequenceNode && len(p.value.Content) > 0:
		for i, n := range p.value.Content {
			place := fmt.Sprintf("%s[%d]", key, i)
			if n.Kind == yaml.MappingNode {
				return a, r.errorAt(n, place, "must be a single value: levels that set several keys have names, NAME: {KEY: VALUE, ...}", "a section")
			}
			name, missing := r.fill(n.Value)
			switch {
			case missing != "":
				name = n.Value
			case n.Kind == yaml.SequenceNode:
				name = fmt.Sprint(i + 1)
			}
			if err := add(name, n, func() ([]config.Setting, error) {
				one, err := r.setting(n, place, a.key)
				return []config.Setting{one}, err
			}); err != nil {
				return a, err
			}
		}
	case p.value.Kind == yaml.MappingNode && len(p.value.Content) > 0:
		pairs, err := r.pairs(p.value, key)
		if err != nil {
			return a, err
		}
		for _, l := range pairs {
			if l.key.Value == "" {
				return a, r.errorAt(l.key, key, "a level must have a name", "nothing")
			}
			if err := add(l.key.Value, l.value, func() ([]config.Setting, error) {
				return r.settings(l.value, join(key, l.key.Value), "")
			}); err != nil {
				return a, err
			}
		}
	default:
		return a, r.errorAt(p.value, key, "must be a list of values, or levels NAME: {KEY: VALUE, ...}", config.NodeText(p.value))
	}
	if n := len(a.levels); n > maxLevels {
		return a, r.errorAt(p.value, key, fmt.Sprintf("must have at most %d levels", maxLevels), fmt.Sprint(n))
	}
	return a, nil
}

// known says whether a name may be given; one that may not is a mistake that reading
// reports.
func (r *reader) known(names []name, missing string) bool {
	return slices.ContainsFunc(names, func(n name) bool { return n.name == missing })
}

// seedAxis is the axis of the seeds.
const seedAxis = "seed"

// readSeeds reads a number of seeds, 1 and on, or a list of them.
func (s *Study) readSeeds(r *reader, n *yaml.Node, key string) error {
	a := axis{key: seedAxis}
	var seeds []string
	if n.Kind == yaml.SequenceNode {
		var err error
		if seeds, err = r.list(n, key); err != nil {
			return err
		}
	} else {
		count, err := r.number(n, key, 1, maxSeeds)
		if err != nil {
			return err
		}
		for i := range int(count) {
			seeds = append(seeds, fmt.Sprint(i+1))
		}
	}
	for _, seed := range seeds {
		from := fmt.Sprintf("%s:%d: %s", r.file, n.Line, key)
		a.levels = append(a.levels, level{seed, []config.Setting{{From: from, Key: seedAxis, Value: seed}}})
	}
	s.setAxis(a)
	return nil
}

// number is a number within bounds; whole where the bounds are far apart enough for that
// to matter to the caller.
func (r *reader) number(n *yaml.Node, key string, low, high float64) (float64, error) {
	text, err := r.text(n, key)
	if err != nil {
		return 0, err
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= low && x <= high) {
		return 0, r.errorAt(n, key, fmt.Sprintf("must be a number between %g and %g", low, high), config.NodeText(n))
	}
	return x, nil
}

// whole is number for whole numbers.
func (r *reader) whole(n *yaml.Node, key string, low, high float64) (int, error) {
	x, err := r.number(n, key, low, high)
	if err != nil || x != math.Trunc(x) {
		return 0, r.errorAt(n, key, fmt.Sprintf("must be a whole number between %.0f and %.0f", low, high), config.NodeText(n))
	}
	return int(x), nil
}

// eachOf reads a list of mappings.
func (r *reader) eachOf(n *yaml.Node, key string, read func(n *yaml.Node, pairs []pair, place string) error) error {
	if n.Kind != yaml.SequenceNode {
		return r.errorAt(n, key, "must be a list of {AXIS: LEVEL, ...}", config.NodeText(n))
	}
	for i, c := range n.Content {
		place := fmt.Sprintf("%s[%d]", key, i)
		pairs, err := r.pairs(c, place)
		if err == nil {
			err = read(c, pairs, place)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// partial reads levels by axis.
func (r *reader) partial(n *yaml.Node, pairs []pair, place string) (partial, error) {
	if len(pairs) == 0 {
		return nil, r.errorAt(n, place, "must name a level of an axis", "nothing")
	}
	x := partial{}
	for _, p := range pairs {
		names := []string{p.value.Value}
		if p.value.Kind == yaml.SequenceNode {
			var err error
			if names, err = r.list(p.value, join(place, p.key.Value)); err != nil {
				return nil, err
			}
		}
		x[p.key.Value] = names
	}
	return x, nil
}

// readExclude reads the cells that are none.
func (s *Study) readExclude(r *reader, n *yaml.Node, key string) error {
	return r.eachOf(n, key, func(n *yaml.Node, pairs []pair, place string) error {
		x, err := r.partial(n, pairs, place)
		s.exclude = append(s.exclude, x)
		return err
	})
}

// readOverride reads settings, under set, beside the levels of the cells that they are for.
func (s *Study) readOverride(r *reader, n *yaml.Node, key string) error {
	return r.eachOf(n, key, func(n *yaml.Node, pairs []pair, place string) error {
		at := slices.IndexFunc(pairs, func(p pair) bool { return p.key.Value == "set" })
		if at < 0 {
			return r.errorAt(n, place, "must have set: {KEY: VALUE, ...} beside the levels that it is for", "")
		}
		settings, err := r.settings(pairs[at].value, join(place, "set"), "")
		if err != nil {
			return err
		}
		x, err := r.partial(n, slices.Delete(pairs, at, at+1), place)
		s.override = append(s.override, override{x, settings})
		return err
	})
}

// readAgainst reads the level that others are compared with.
func (s *Study) readAgainst(r *reader, n *yaml.Node, key string) error {
	pairs, err := r.pairs(n, key)
	if err == nil && len(pairs) != 1 {
		err = r.errorAt(n, key, "must name one level of one axis", config.NodeText(n))
	}
	if err != nil {
		return err
	}
	level, err := r.text(pairs[0].value, join(key, pairs[0].key.Value))
	s.against = &against{pairs[0].key.Value, level}
	return err
}

// readMatch reads the metric in which some levels are to be as high as that under "against".
func (s *Study) readMatch(r *reader, n *yaml.Node, key string) error {
	s.match = &match{}
	return r.section(n, key, []field{
		{"metric", func(n *yaml.Node, key string) (err error) { s.match.metric, err = r.text(n, key); return err }},
		{"levels", func(n *yaml.Node, key string) (err error) { s.match.levels, err = r.list(n, key); return err }},
	})
}

// check demands what the parts of a study must have together.
func (s *Study) check(r *reader) error {
	if len(s.axes) == 0 {
		return &config.Error{File: r.file, Key: "grid", Must: "must have at least one axis, or seeds be given"}
	}
	// the seeds are the last axis, and its first level is run with all others first
	if at := slices.IndexFunc(s.axes, func(a axis) bool { return a.key == seedAxis }); at >= 0 {
		s.axes = append(slices.Delete(slices.Clone(s.axes), at, at+1), s.axes[at])
	}
	for _, a := range s.axes {
		if len(a.levels) == 0 {
			return &config.Error{File: r.file, Key: "grid." + a.key, Must: "must have a level that needs nothing, or something must be given: " + strings.Join(s.Left, "; ")}
		}
	}
	for i, x := range s.exclude {
		if err := s.checkPartial(r, x, fmt.Sprintf("exclude[%d]", i)); err != nil {
			return err
		}
	}
	for i, o := range s.override {
		if err := s.checkPartial(r, o.partial, fmt.Sprintf("override[%d]", i)); err != nil {
			return err
		}
	}
	if s.against != nil {
		if err := s.checkLevel(s.against.axis, s.against.level); err != nil {
			return &config.Error{File: r.file, Key: "against", Must: err.Error()}
		}
	}
	if across := s.figure.across; across != "" && !slices.Contains(s.drawn(), across) {
		return &config.Error{File: r.file, Key: "figure.across", Must: "must be an axis of the grid: " + strings.Join(s.drawn(), ", "), Value: across}
	}
	return s.checkMatch(r)
}

// drawn are the axes but that of the seeds.
func (s *Study) drawn() (keys []string) {
	for _, a := range s.axes {
		if a.key != seedAxis {
			keys = append(keys, a.key)
		}
	}
	return keys
}

func (s *Study) checkMatch(r *reader) error {
	if s.match == nil {
		return nil
	}
	if s.against == nil || s.match.metric == "" || len(s.match.levels) < 2 {
		return &config.Error{File: r.file, Key: "match", Must: "must have a metric and at least two levels of the axis under against"}
	}
	for _, name := range s.match.levels {
		if err := s.checkLevel(s.against.axis, name); err != nil {
			return &config.Error{File: r.file, Key: "match.levels", Must: err.Error()}
		}
	}
	return nil
}

// checkPartial refuses levels that are on no axis.
func (s *Study) checkPartial(r *reader, x partial, place string) error {
	for _, key := range slices.Sorted(maps.Keys(x)) {
		for _, name := range x[key] {
			if err := s.checkLevel(key, name); err != nil {
				return &config.Error{File: r.file, Key: place, Must: err.Error()}
			}
		}
	}
	return nil
}

// checkLevel refuses a level that is on no axis.
func (s *Study) checkLevel(key, name string) error {
	at := slices.IndexFunc(s.axes, func(a axis) bool { return a.key == key })
	if at < 0 {
		var keys []string
		for _, a := range s.axes {
			keys = append(keys, a.key)
		}
		return fmt.Errorf("axis must be one of %s (got %q)", strings.Join(keys, ", "), key)
	}
	var names []string
	for _, l := range s.axes[at].levels {
		names = append(names, l.name)
	}
	names = append(names, s.axes[at].left...)
	if !slices.Contains(names, name) {
		return fmt.Errorf("%s must be one of %s (got %q)", key, strings.Join(names, ", "), name)
	}
	return nil
}
