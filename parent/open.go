package parent

import (
	"fmt"
	"strings"

	"pgsrm/cache"
	"pgsrm/task"
)

// Options are what parents are opened with beside their spec. The zero value is
// good for tests and local files.
type Options struct {
	Cache *cache.Cache // answers of costly parents; nil = none
}

// Open makes the parent that a spec names, wrapped by Stack: "builtin" (the
// task's own references) or "file:PATH" (JSON lines or CSV).
func Open(spec string, t *task.Task, o Options) (Parent, error) {
	p, err := open(spec, t)
	if err != nil {
		return nil, err
	}
	return Stack(p, o), nil
}

// open makes the bare parent; every new kind of parent gets its case here.
func open(spec string, t *task.Task) (Parent, error) {
	kind, rest, _ := strings.Cut(spec, ":")
	switch {
	case spec == "builtin":
		return Table{}, checkReferences(t)
	case kind == "file" && rest != "":
		return OpenFile(rest)
	}
	return nil, fmt.Errorf("parent: must be one of builtin, file:PATH (got %q)", spec)
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

// Stack puts every wrapper on a parent: on a Costly one memory and cache, on
// others the memory alone. It is the only place where wrappers are put on.
func Stack(p Parent, o Options) Parent {
	if c, ok := p.(Costly); ok {
		return newCached(c, o.Cache)
	}
	return NewMemo(p)
}
