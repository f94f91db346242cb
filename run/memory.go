package run

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/task"
)

// childMemory is what the child that a name denotes remembers of its training; ok is
// false where it remembers nothing. An adapter's memory comes before its base's.
func childMemory(name string) (m hf.Memory, ok bool, err error) {
	c, err := findChild(name)
	if err != nil {
		return m, false, err
	}
	for _, dir := range []string{c.adapter, c.folder} {
		if !isFolder(dir) {
			continue
		}
		if m, ok, err = hf.ReadMemory(os.DirFS(dir)); ok || err != nil {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("child: %w", err)
	}
	return m, ok, err
}

// NewMemory is what a child remembers that was trained on prompts as c makes them,
// with answers of at most maxNewTokens tokens that end before the texts of stop and
// count by a.
func NewMemory(c ChatTemplate, maxNewTokens int, stop hf.Stop, a task.AnswerOptions) hf.Memory {
	return hf.Memory{Template: c.options(), System: c.System, MaxNewTokens: maxNewTokens, Stop: stop, Answer: a}
}

// remember makes how the run prompts its child part of the child.
func (r *run) remember() error {
	o := r.cfg.Rollout
	return r.model.Remember(NewMemory(r.cfg.ChatTemplate, o.MaxNewTokens, o.Stop, r.cfg.Answer))
}

// ofMemory begins the origin of a value that the child remembers.
const ofMemory = "the memory of "

// remembered are the settings of a run that its start child remembers. The longest
// answer is not among them: it belongs to the task.
func remembered(child string) []config.Setting {
	m, ok, err := childMemory(child)
	if err != nil || !ok {
		return nil // an error is told when the child is opened
	}
	var settings []config.Setting
	for _, s := range [][2]string{
		{"chat_template.use", m.Template.Use}, {"chat_template.system", m.System},
		{"chat_template.date", m.Template.Date}, {"chat_template.variables", m.Template.Variables},
	} {
		if s[1] != "" && s[1] != "auto" {
			settings = append(settings, config.Setting{From: ofMemory + child, Key: s[0], Value: s[1]})
		}
	}
	d := task.DefaultAnswerOptions()
	defaults := config.Keys(&d)
	for i, k := range config.Keys(&m.Answer) {
		text := fmt.Sprint(k.Value)
		if text == fmt.Sprint(defaults[i].Value) || k.Name == "normalize" && text == "on" { // the default of such a child
			continue
		}
		settings = append(settings, config.Setting{From: ofMemory + child, Key: "answer." + k.Name, Value: text})
	}
	if len(m.Stop) > 0 {
		text, err := json.Marshal(m.Stop)
		if err != nil {
			panic(err) // texts always are JSON
		}
		settings = append(settings, config.Setting{From: ofMemory + child, Key: "rollout.stop", Value: string(text)})
	}
	return settings
}

// forgetSystem drops a system message of the memory where the user switched the
// chat template off, which it needs.
func (r *Resolved) forgetSystem() {
	const key = "chat_template.system"
	if r.ChatTemplate.Use == "off" && strings.HasPrefix(r.Origin(key).Name, ofMemory) {
		r.ChatTemplate.System = ""
		r.layers.Derive(key, "chat_template.use")
	}
}

// Remembered says in one line which values of keys with the prefix the child remembers,
// "" where there are none.
func (r *Resolved) Remembered(prefix string) string {
	var keys []string
	for _, k := range config.Keys(&r.Config) {
		if o := r.Origin(k.Name); strings.HasPrefix(k.Name, prefix) && strings.HasPrefix(o.Name, ofMemory) {
			keys = append(keys, k.Name+"="+k.Text())
		}
	}
	if keys == nil {
		return ""
	}
	return "taken from " + ofMemory + r.Child + ": " + strings.Join(keys, ", ")
}
