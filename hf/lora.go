package hf

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pgsrm/lm"
)

// AllLinear as the only target stands for every linear layer of the blocks.
const AllLinear = "all-linear"

// LoRA describes adapters as a folder of Hugging Face's PEFT does, by whose names it goes.
type LoRA struct {
	lm.LoRA
	Targets []string // modules: "c_attn", "q_proj", "attn.c_proj", a whole name, or AllLinear alone
	Pattern string   // instead of Targets, from an adapter of PEFT: a regular expression for the whole name
	Dropout float64  // that PEFT trained a loaded adapter with; the engine has none, see Trainable

	// Base and Revision name the model that the adapters belong to, for their
	// folder; a revision only of a model of the hub.
	Base, Revision string
}

// Validate reports the first field that no adapter can have. The targets are
// checked by Model.AddLoRA, which knows the modules.
func (l LoRA) Validate() error {
	if err := l.LoRA.Validate(); err != nil {
		return err
	}
	if !(l.Dropout >= 0 && l.Dropout < 1) {
		return fmt.Errorf("lora: dropout must be at least 0 and below 1 (got %v)", l.Dropout)
	}
	return nil
}

// AddLoRA puts fresh adapters on the target modules: see lm.Model.AddLoRA. It is an
// error if the model has adapters or if a target is no linear layer of a block.
func (m *Model) AddLoRA(l LoRA, seed uint64) error { return m.addLoRA(l, true, seed) }

// addLoRA is AddLoRA. With each set every target must name a module; PEFT allows
// lists that serve several families, so a file may have more.
func (m *Model) addLoRA(l LoRA, each bool, seed uint64) error {
	if has, on := m.LoRA(); on {
		return fmt.Errorf("lora: the model must have no adapters yet (it has them on %s)", has.targetText())
	}
	if err := l.Validate(); err != nil {
		return err
	}
	chosen, l, err := targeted(linearModules(m.Model), l, each)
	if err != nil {
		return err
	}
	m.adapter, m.baseSum = l, ""
	return m.Model.AddLoRA(l.LoRA, chosen, seed)
}

// LoRA returns the description of the model's adapters; ok is false without any.
func (m *Model) LoRA() (l LoRA, ok bool) {
	if m.LoRAParams() == nil {
		return LoRA{}, false
	}
	return m.adapter, true
}

// Trainable reports why training on would not be what an adapter's file says:
// PEFT trained it with dropout, which the engine does not have.
func (m *Model) Trainable() error {
	if l, _ := m.LoRA(); l.Dropout != 0 {
		return fmt.Errorf("lora: lora_dropout must be 0 to train the adapter on, as the engine has no dropout (got %v)", l.Dropout)
	}
	return nil
}

// linearModules are the linear layers of the blocks, in the order of Params, by
// their full names: "model.layers.0.self_attn.q_proj".
func linearModules(m *lm.Model) []lm.Module {
	var out []lm.Module
	n := namingOf(m.Config.Family)
	for _, t := range tensorTable(m) {
		if t.param.Packed && strings.HasPrefix(t.param.Name, "layers.") {
			out = append(out, lm.Module{Name: strings.TrimSuffix(n.fullName(t.name), ".weight"), Weight: t.param, From: t.from, To: t.to})
		}
	}
	return out
}

// targeted finds among all modules those that the adapters go to, and returns l with
// the targets as PEFT writes them: sorted, AllLinear spelled out.
func targeted(all []lm.Module, l LoRA, each bool) ([]lm.Module, LoRA, error) {
	var short []string // the last parts of the names
	for _, t := range all {
		short = append(short, t.Name[strings.LastIndexByte(t.Name, '.')+1:])
	}
	slices.Sort(short)
	short = slices.Compact(short)
	if slices.Equal(l.Targets, []string{AllLinear}) {
		l.Targets = short
	}
	match, err := l.matcher()
	if err != nil {
		return nil, l, err
	}
	var chosen []lm.Module
	used := map[string]bool{}
	for _, t := range all {
		if by := match(t.Name); by != "" {
			chosen = append(chosen, t)
			used[by] = true
		}
	}
	for _, target := range l.Targets {
		if each && !used[target] {
			return nil, l, fmt.Errorf("lora: target must be %s or one of %s (got %q)", AllLinear, strings.Join(short, ", "), target)
		}
	}
	if len(chosen) == 0 {
		return nil, l, fmt.Errorf("lora: targets must name at least one of %s (got %s)", strings.Join(short, ", "), l.targetText())
	}
	l.Targets = slices.Clone(l.Targets)
	slices.Sort(l.Targets)
	l.Targets = slices.Compact(l.Targets)
	return chosen, l, nil
}

// matcher returns which target, if any, names a module: by PEFT's rule the whole
// name or the end of it after a dot.
func (l LoRA) matcher() (func(module string) string, error) {
	if l.Pattern == "" {
		return func(module string) string {
			for _, t := range l.Targets {
				if module == t || strings.HasSuffix(module, "."+t) {
					return t
				}
			}
			return ""
		}, nil
	}
	re, err := regexp.Compile(`\A(?:` + l.Pattern + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("lora: target_modules must be a list or a regular expression of RE2's syntax (got %q): %w", l.Pattern, err)
	}
	return func(module string) string {
		if !re.MatchString(module) {
			return ""
		}
		return l.Pattern
	}, nil
}

func (l LoRA) targetText() string {
	if l.Pattern != "" {
		return l.Pattern
	}
	return strings.Join(l.Targets, ", ")
}
