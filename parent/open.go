package parent

import (
	"fmt"
	"strings"

	"pgsrm/cache"
	"pgsrm/remote"
	"pgsrm/task"
)

// Options are what parents are opened with beside their spec. The zero value is
// good for tests and local files.
type Options struct {
	Cache *cache.Cache // answers of costly parents; nil = none
	Chat  *ChatOptions // of "openai:" and local models; nil = DefaultChatOptions
	// Threads is how many threads a local model computes on; below 1 = one.
	Threads int
	// Warn, where set, is told what the user should know, once each. It may be
	// called from several goroutines.
	Warn   func(text string)
	Remote remote.Deps // what tests replace
}

// Open makes the parent that a spec names, wrapped by stack: "builtin" (the
// task's own references), "file:PATH" (JSON lines or CSV) or "openai:MODEL@URL" (a
// server of the chat protocol), "hf:ORG/NAME", a folder or a GGUF file (a local model).
func Open(spec string, t *task.Task, o Options) (Parent, error) {
	p, err := open(spec, t, o)
	if err != nil {
		return nil, err
	}
	return stack(p, o), nil
}

// open makes the bare parent; every new kind of parent gets its case here.
func open(spec string, t *task.Task, o Options) (Parent, error) {
	kind, rest, _ := strings.Cut(spec, ":")
	chat := DefaultChatOptions()
	if o.Chat != nil {
		chat = *o.Chat
	}
	switch {
	case spec == "builtin":
		return tableParent{}, checkReferences(t)
	case kind == "file" && rest != "":
		return OpenFile(rest)
	case kind == "openai":
		return newChat(rest, t, chat, o.Warn, o.Remote)
	case IsLocal(spec):
		l, err := loadLocal(spec, t, chat, o.Threads)
		if err != nil {
			return nil, err
		}
		if text := l.model.Warning(); text != "" && o.Warn != nil {
			o.Warn("parent: " + text)
		}
		if l.told != "" && o.Warn != nil {
			o.Warn("parent: " + l.told)
		}
		return l, nil
	}
	return nil, fmt.Errorf("parent: must be one of builtin, file:PATH, openai:MODEL@URL, hf:ORG/NAME, a GGUF file or a folder (got %q)", remote.Redact(spec))
}

// CheckSpec reports a spec that Open refuses whatever else holds, as far as that
// shows without opening anything. Its error names no secrets.
func CheckSpec(spec string) error {
	kind, rest, _ := strings.Cut(spec, ":")
	if kind == "openai" {
		_, _, err := remote.ParseModel(rest)
		return err
	}
	return nil
}

// checkReferences demands that the built-in parent can answer something.
func checkReferences(t *task.Task) error {
	for _, it := range t.Items {
		if it.Reference != "" {
			return nil
		}
	}
	return fmt.Errorf("parent: builtin needs a task with reference answers (task %q has none)", t.Name)
}

// stack puts every wrapper on a parent: on a costly one memory and cache, on
// others the memory alone. It is the only place where wrappers are put on.
func stack(p Parent, o Options) Parent {
	if c, ok := p.(costly); ok {
		return newCached(c, o.Cache)
	}
	return newMemo(p)
}
