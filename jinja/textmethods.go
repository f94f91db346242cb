package jinja

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// textMethods are the methods of texts.
var textMethods map[string]func(*renderer, string, call) (value, error)

func init() {
	textMethods = map[string]func(*renderer, string, call) (value, error){
		"strip":        trimMethod(true, true),
		"lstrip":       trimMethod(true, false),
		"rstrip":       trimMethod(false, true),
		"upper":        caseMethod("upper", strings.ToUpper),
		"lower":        caseMethod("lower", strings.ToLower),
		"capitalize":   caseMethod("capitalize", capitalize),
		"title":        caseMethod("title", title),
		"startswith":   affixMethod("startswith", strings.HasPrefix),
		"endswith":     affixMethod("endswith", strings.HasSuffix),
		"removeprefix": cutMethod("removeprefix", strings.TrimPrefix),
		"removesuffix": cutMethod("removesuffix", strings.TrimSuffix),
		"split":        splitMethod("split", splitText),
		"rsplit":       splitMethod("rsplit", splitRight),
		"splitlines":   linesMethod,
		"replace":      replaceMethod,
		"join":         joinMethod,
		"count":        countMethod,
		"find":         findMethod("find", strings.Index),
		"rfind":        findMethod("rfind", strings.LastIndex),
	}
}

// positional binds arguments that have no names in Python.
func (c call) positional(what string, required int, params ...string) ([]value, error) {
	if len(c.names) > 0 {
		return nil, fmt.Errorf("%s: arguments by name are not supported", what)
	}
	return c.bind(what, required, params...)
}

// oneText binds one argument, which must be a text.
func (c call) oneText(what string) (string, error) {
	a, err := c.positional(what, 1, "text")
	if err != nil {
		return "", err
	}
	s, ok := a[0].(string)
	if !ok {
		return "", fmt.Errorf("%s: must have a text (got %s)", what, typeName(a[0]))
	}
	return s, nil
}

func trimMethod(left, right bool) func(*renderer, string, call) (value, error) {
	return func(_ *renderer, s string, c call) (value, error) {
		a, err := c.positional("strip", 0, "characters")
		if err != nil {
			return nil, err
		}
		return trimSet(s, orNone(a[0]), left, right)
	}
}

func caseMethod(name string, f func(string) string) func(*renderer, string, call) (value, error) {
	return func(_ *renderer, s string, c call) (value, error) {
		if err := c.none(name); err != nil {
			return nil, err
		}
		return f(s), asciiOnly(s, name)
	}
}

func affixMethod(name string, has func(s, affix string) bool) func(*renderer, string, call) (value, error) {
	return func(_ *renderer, s string, c call) (value, error) {
		a, err := c.positional(name, 1, "text")
		if err != nil {
			return nil, err
		}
		all := []value{a[0]}
		if l, ok := a[0].(*list); ok && l.kind == tuple {
			all = l.items
		}
		found := false
		for _, v := range all {
			affix, ok := v.(string)
			if !ok {
				return nil, fmt.Errorf("%s: must have a text (got %s)", name, typeName(v))
			}
			found = found || has(s, affix)
		}
		return found, nil
	}
}

func cutMethod(name string, cut func(s, affix string) string) func(*renderer, string, call) (value, error) {
	return func(_ *renderer, s string, c call) (value, error) {
		affix, err := c.oneText(name)
		return cut(s, affix), err
	}
}

func splitMethod(name string, split func(s, sep string, limit int) []string) func(*renderer, string, call) (value, error) {
	return func(_ *renderer, s string, c call) (value, error) {
		a, err := c.bind(name, 0, "sep", "maxsplit")
		if err != nil {
			return nil, err
		}
		limit := int64(-1)
		if a[1] != (missing{}) {
			var ok bool
			if limit, ok = asInt(a[1]); !ok {
				return nil, fmt.Errorf("%s: maxsplit must be a whole number (got %s)", name, typeName(a[1]))
			}
		}
		limit = max(-1, min(limit, int64(len(s))))
		switch sep := orNone(a[0]).(type) {
		case nil:
			if name == "rsplit" && limit >= 0 {
				return nil, fmt.Errorf("rsplit at white space with a limit is not supported")
			}
			return texts(splitSpace(s, int(limit)))
		case string:
			if sep == "" {
				return nil, fmt.Errorf("%s: the separator must not be empty", name)
			}
			if strings.Count(s, sep) >= maxItems {
				return nil, errItems
			}
			return texts(split(s, sep, int(limit)))
		}
		return nil, fmt.Errorf("%s: the separator must be a text (got %s)", name, typeName(a[0]))
	}
}

// texts is a list of texts.
func texts(all []string) (value, error) {
	if len(all) > maxItems {
		return nil, errItems
	}
	out := &list{}
	for _, s := range all {
		out.items = append(out.items, s)
	}
	return out, nil
}

func linesMethod(_ *renderer, s string, c call) (value, error) {
	if err := c.none("splitlines"); err != nil {
		return nil, err
	}
	return texts(splitLines(s))
}

func replaceMethod(_ *renderer, s string, c call) (value, error) {
	a, err := c.positional("replace", 2, "old", "new", "count")
	if err != nil {
		return nil, err
	}
	old, okOld := a[0].(string)
	new, okNew := a[1].(string)
	n, okN := int64(-1), true
	if a[2] != (missing{}) {
		n, okN = asInt(a[2])
	}
	if !okOld || !okNew || !okN {
		return nil, fmt.Errorf("replace: must have two texts and a whole number")
	}
	return replaceText(s, old, new, int(max(-1, min(n, maxText))))
}

func joinMethod(r *renderer, s string, c call) (value, error) {
	a, err := c.positional("join", 1, "items")
	if err != nil {
		return nil, err
	}
	if u, ok := a[0].(undefined); ok {
		return nil, u.err()
	}
	items, err := r.walk(a[0])
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	all := make([]string, len(items))
	for i, v := range items {
		t, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("join: items must be texts (got %s)", typeName(v))
		}
		all[i] = t
	}
	return joined(all, s)
}

// joined is the texts with sep between them.
func joined(all []string, sep string) (value, error) {
	n := len(sep) * len(all)
	for _, s := range all {
		n += len(s)
	}
	if n > maxText {
		return nil, errText
	}
	return strings.Join(all, sep), nil
}

func countMethod(_ *renderer, s string, c call) (value, error) {
	sub, err := c.oneText("count")
	return int64(strings.Count(s, sub)), err
}

func findMethod(name string, find func(s, sub string) int) func(*renderer, string, call) (value, error) {
	return func(_ *renderer, s string, c call) (value, error) {
		sub, err := c.oneText(name)
		if err != nil {
			return nil, err
		}
		at := find(s, sub)
		if at < 0 {
			return int64(-1), nil
		}
		return int64(utf8.RuneCountInString(s[:at])), nil
	}
}
