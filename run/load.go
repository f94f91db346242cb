package run

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	"go.yaml.in/yaml/v4"

	"pgsrm/reward"
	"pgsrm/task"
)

// Setting is one value given beside the file, by a flag or by --set.
type Setting struct {
	From  string // how the user wrote it, for errors: "--task", "--set rollout.top_k"
	Key   string // dotted key of Config: "rollout.top_k"
	Value string
}

// Load makes a Config from, each laid over the one before: the defaults, the
// preset, the file (path "" = none) and the settings. Its errors are ErrConfig
// and one line long.
func Load(path string, settings []Setting) (Config, error) {
	c, err := load(path, settings)
	if err != nil {
		return Config{}, inConfig(err)
	}
	return c, nil
}

func load(path string, settings []Setting) (Config, error) {
	var text []byte
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return Config{}, err
		}
	}
	// a first pass finds the preset and the task, the second one starts from them
	first, err := layers(Default(), path, text, settings)
	if err != nil {
		return Config{}, err
	}
	preset, err := presetOf(first)
	if err != nil {
		return Config{}, placed(err, path, settings)
	}
	base := Default()
	presets[preset](&base)
	c, err := layers(base, path, text, settings)
	if err != nil {
		return Config{}, err
	}
	c.Preset = preset
	if err := firstError(c.Validate(), c.resolve()); err != nil {
		return Config{}, placed(err, path, settings)
	}
	return c, nil
}

// layers lays the file and the settings over c.
func layers(c Config, path string, text []byte, settings []Setting) (Config, error) {
	if err := (decoder{path}).decode(text, &c); err != nil {
		return c, err
	}
	for _, s := range settings {
		if err := s.apply(&c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// ParseSetting reads the KEY=VALUE of a --set flag.
func ParseSetting(text string) (Setting, error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return Setting{}, configErrorf("--set: must be KEY=VALUE (got %q)", text)
	}
	return Setting{From: "--set " + key, Key: key, Value: value}, nil
}

// apply sets the value in c.
func (s Setting) apply(c *Config) error {
	v := reflect.ValueOf(c).Elem()
	for _, part := range strings.Split(s.Key, ".") {
		field, ok := reflect.Value{}, false
		if v.Kind() == reflect.Struct {
			field, ok = fieldOf(v, part)
		}
		if !ok {
			return fmt.Errorf("%s: unknown key %q%s", s.From, s.Key, allowedKeys(v))
		}
		v = field
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s.Value}
	if v.Kind() == reflect.String {
		v.SetString(s.Value)
		return nil
	}
	if _, isReward := v.Interface().(reward.Spec); !isReward {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(s.Value), &doc); err != nil || len(doc.Content) == 0 {
			return fmt.Errorf("%s: must be %s (got %q)", s.From, kindName(v), s.Value)
		}
		node = doc.Content[0]
		node.Line = 0
	}
	return decoder{s.From}.value(node, "", v)
}

// allowedKeys lists what can stand behind a section, for errors.
func allowedKeys(v reflect.Value) string {
	if v.Kind() != reflect.Struct {
		return ""
	}
	return ", must be one of " + strings.Join(keysOf(v.Type()), ", ")
}

// presetOf is the preset that the configuration names or its task asks for.
func presetOf(c Config) (string, error) {
	if _, ok := presets[c.Preset]; ok {
		return c.Preset, nil
	}
	if c.Preset != "" {
		return "", keyErrorf("preset", "must be one of %s (got %q)", strings.Join(presetNames(), ", "), c.Preset)
	}
	t, err := task.Load(c.Task)
	if err != nil {
		return "", &keyError{"task", strings.TrimPrefix(err.Error(), "task: ")}
	}
	return string(t.Kind), nil
}

// presetNames are the names of the presets, sorted.
func presetNames() []string {
	var names []string
	for name := range presets {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// keyError is a value that a key cannot have.
type keyError struct{ key, text string }

func (e *keyError) Error() string { return e.key + ": " + e.text }

func keyErrorf(key, format string, args ...any) error {
	return &keyError{key, fmt.Sprintf(format, args...)}
}

// placed puts in front of a keyError where the value came from: the last
// setting of that key, else the file.
func placed(err error, path string, settings []Setting) error {
	var k *keyError
	if !errors.As(err, &k) {
		return err
	}
	for i := len(settings) - 1; i >= 0; i-- {
		if settings[i].Key == k.key {
			return fmt.Errorf("%s: %s", settings[i].From, k.text)
		}
	}
	if path != "" {
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}

// resolve fills in what follows from other values, so that config.yaml tells all.
func (c *Config) resolve() error {
	if c.LoRA.On() {
		c.LoRA.Alpha = c.LoRA.alpha()
	}
	switch {
	case len(c.Reward.Terms) > 0 && c.Reward.Name == "":
		c.Reward.Name = "custom"
	case len(c.Reward.Terms) == 0:
		if c.Reward.Name == "" {
			c.Reward.Name = "pgsrm"
		}
		spec, err := reward.Named(c.Reward.Name)
		if err != nil {
			return keyed(err)
		}
		c.Reward = spec
	}
	return nil
}

// marshal is the text of config.yaml.
func (c *Config) marshal() ([]byte, error) { return yaml.Marshal(c) }

// difference finds the first key in which two configurations differ, with both
// values; "" where there is none.
func difference(a, b Config) (key, inA, inB string) {
	return differenceOf("", reflect.ValueOf(a), reflect.ValueOf(b))
}

func differenceOf(path string, a, b reflect.Value) (key, inA, inB string) {
	if a.Kind() != reflect.Struct {
		if reflect.DeepEqual(a.Interface(), b.Interface()) {
			return "", "", ""
		}
		return path, fmt.Sprint(a.Interface()), fmt.Sprint(b.Interface())
	}
	for i := range a.NumField() {
		f := a.Type().Field(i)
		at := path
		if !isInline(f) {
			at = joinPath(path, keyOf(f))
		}
		if key, inA, inB = differenceOf(at, a.Field(i), b.Field(i)); key != "" {
			return key, inA, inB
		}
	}
	return "", "", ""
}
