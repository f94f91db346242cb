package task

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"pgsrm/config"
)

// Options say how the rows of a file become items (section data of a configuration).
type Options struct {
	Map       []string  `yaml:"map"`                                      // FIELD=COLUMN, or FIELD=TEXT with {COLUMN} in it
	HeldOut   float64   `yaml:"held_out" range:"[0, 1)"`                  // share of the prompts whose row names no split that is held out
	SplitSeed uint64    `yaml:"split_seed" range:"[0, 9007199254740991]"` // of the split; 0 = the one split of all runs
	Limit     int       `yaml:"limit" range:"[0, 1000000000]"`            // rows that are read at most; 0 = all
	Stdin     io.Reader `yaml:"-"`                                        // what the name "-" means; nil = nothing

	// KeepRepeats makes an item of each row whose prompt was there before: answers to learn are
	// not answers to choose from.
	KeepRepeats bool `yaml:"-"`
}

// DefaultOptions hold out a fifth.
func DefaultOptions() Options { return Options{HeldOut: heldOutShare} }

// Rules reports a mapping that cannot be used.
func (o Options) Rules() error {
	_, err := parseMap(o.Map)
	return config.At("map", err)
}

// Load returns the built-in task of that name, or reads a file, a data set that was
// pulled (hf:datasets/ORG/NAME), standard input ("-"), or a mixture of these but the last:
// NAME[=WEIGHT],NAME[=WEIGHT]. Errors of the content name the file, the line or row, and the
// field.
func Load(name string, o Options) (*Task, error) {
	all, err := components(name)
	if err != nil {
		return nil, err
	}
	if len(all) > 1 {
		return mix(all, o)
	}
	return loadOne(all[0].Name, o)
}

func loadOne(name string, o Options) (*Task, error) {
	if slices.Contains(Names(), name) {
		t, err := Builtin(name)
		if err == nil && o.Limit > 0 && o.Limit < len(t.Items) {
			t.Items = t.Items[:o.Limit]
		}
		return t, err
	}
	m, err := parseMap(o.Map)
	if err != nil {
		return nil, config.At("data.map", err)
	}
	parts, title, err := locate(name)
	if err != nil {
		return nil, err
	}
	b := newBuilder(m, o)
	for _, p := range parts {
		if err := b.read(p); err != nil {
			return nil, err
		}
	}
	return b.task(title)
}

// Suits reports an option that a built-in task does not take.
func (o Options) Suits(name string) error {
	if !slices.Contains(Names(), name) {
		return nil
	}
	for _, c := range []struct {
		key string
		set bool
	}{{"map", len(o.Map) > 0}, {"held_out", o.HeldOut != heldOutShare}, {"split_seed", o.SplitSeed != 0}} {
		if c.set {
			return &config.Error{Key: c.key, Must: "must not be set for a built-in task, whose fields and splits are fixed", Value: name}
		}
	}
	return nil
}

// builder makes a task of rows.
type builder struct {
	shaper  shaper
	options Options

	items    []Item
	prompts  map[string]int32  // place of the item that has this prompt
	ids      map[string]string // where the ID that a row gives stands
	repeated int               // rows whose prompt was there before
	rows     int
}

func newBuilder(m mapping, o Options) *builder {
	return &builder{shaper: shaper{m, map[string]bool{}}, options: o, prompts: map[string]int32{}, ids: map[string]string{}}
}

// read adds the rows of one file.
func (b *builder) read(p part) error {
	if b.full() {
		return nil
	}
	if err := eachRow(p, b.options.Stdin, b.addTo(p.split)); err != errEnough {
		return err
	}
	return nil
}

// addTo adds rows, those that name no split to the one given, up to the limit.
func (b *builder) addTo(split Split) func(row) error {
	return func(r row) error {
		if err := b.add(r, split); err != nil {
			return err
		}
		if b.full() {
			return errEnough
		}
		return nil
	}
}

// full says that the limit is reached.
func (b *builder) full() bool { return b.options.Limit > 0 && b.rows >= b.options.Limit }

// add makes an item of a row, or joins it with the one that has its prompt: what a
// further row gives as reference is accepted, too.
func (b *builder) add(r row, split Split) error {
	it, err := b.shaper.item(r)
	if err != nil {
		return err
	}
	if err := it.check(r); err != nil {
		return err
	}
	if it.Split == "" {
		it.Split = split
	}
	b.rows++
	at, again := b.prompts[it.Prompt]
	if again && !b.options.KeepRepeats {
		b.repeated++
		b.items[at].join(it)
		return nil
	}
	if it.ID == "" {
		if it.ID = promptID(it.Prompt); again {
			it.ID = fmt.Sprintf("%s-row-%d", it.ID, b.rows)
		}
	} else if first, ok := b.ids[it.ID]; ok {
		return r.errorf("id", "must be unique (%s has it too, with another prompt)", first)
	} else {
		b.ids[it.ID] = r.place()
	}
	if len(b.items) == maxItems {
		return r.errorf("prompt", "must be one of at most %d", maxItems)
	}
	b.prompts[it.Prompt] = int32(len(b.items))
	b.items = append(b.items, it)
	return nil
}

// maxItems bounds the prompts of a task.
const maxItems = 50_000_000

// join takes over the answers of a further row with the same prompt.
func (it *Item) join(more Item) {
	for _, a := range append([]string{more.Reference}, more.Accepted...) {
		switch {
		case a == "" || a == it.Reference || slices.Contains(it.Accepted, a):
		case it.Reference == "":
			it.Reference = a
		default:
			it.Accepted = append(it.Accepted, a)
		}
	}
}

// task is what the rows make.
func (b *builder) task(title string) (*Task, error) {
	if len(b.items) == 0 {
		return nil, fmt.Errorf("%s: must hold at least one prompt (got none)", title)
	}
	named := hashSplit(b.items, b.options)
	kind := kindOf(b.items)
	t := &Task{Name: nameOf(title), Kind: kind, System: "Answer the prompt. Output only the answer.", MaxNewTokens: kind.maxNewTokens(), Items: b.items}
	t.warn(b.repeated, named, b.options)
	return t, nil
}

// warn notes what a user should know of the data. named is the number of rows that name
// their split.
func (t *Task) warn(repeated, named int, o Options) {
	add := func(format string, args ...any) { t.Warnings = append(t.Warnings, fmt.Sprintf(format, args...)) }
	if repeated > 0 {
		add("rows that repeat a prompt: %d (they were joined, and all their references are accepted)", repeated)
	}
	if named == len(t.Items) && (o.HeldOut != heldOutShare && o.HeldOut != 0 || o.SplitSeed != 0) {
		add("every row names its split: held_out and split_seed change nothing")
	}
	t.holdsOut = o.HeldOut > 0 || named > 0
}

// fewHeldOut is the number of held-out prompts below which a figure of them says little.
const fewHeldOut = 20

// FewHeldOut says of a file that has too few prompts to measure on, where some should be
// held out; "" = enough.
func (t *Task) FewHeldOut() string {
	if held := len(t.Select(HeldOut)); t.holdsOut && held < fewHeldOut {
		return fmt.Sprintf("%d of %d prompts are held out: what is measured on fewer than %d says little", held, len(t.Items), fewHeldOut)
	}
	return ""
}

// nameOf is the name of a task: that of its file without what says how it is written.
func nameOf(title string) string {
	base := filepath.Base(title)
	for _, ext := range slices.Concat(compressions, formats) {
		if n := len(base) - len(ext); n > 0 && strings.EqualFold(base[n:], ext) {
			base = base[:n]
		}
	}
	return base
}

// promptID is the ID of an item that names none: it depends on the prompt alone,
// so that it stays when lines move.
func promptID(prompt string) string {
	sum := sha256.Sum256([]byte(prompt))
	return "p-" + hex.EncodeToString(sum[:6])
}

// kindOf is the kind of the references that there are.
func kindOf(items []Item) Kind {
	var answers []string
	for _, it := range items {
		if it.Reference != "" {
			answers = append(answers, it.Reference)
		}
	}
	return KindOf(answers)
}

// KindOf is Lexical where every answer is one word, Unknown where there is none.
func KindOf(answers []string) Kind {
	if len(answers) == 0 {
		return Unknown
	}
	for _, a := range answers {
		if len(strings.Fields(a)) != 1 {
			return Sentence
		}
	}
	return Lexical
}
