package task

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"pgsrm/config"
)

// mapping says which columns the fields of an item are made of.
type mapping []mapped

// mapped makes one field.
type mapped struct {
	field int
	parts []templatePart // of a text; a single column hands over its value as it is
}

// templatePart is a text, or a column in braces.
type templatePart struct{ text, column string }

// parseMap reads mappings: FIELD=COLUMN, FIELD=TEXT with {COLUMN} in it, or FIELD= for
// none. Several may stand in one text, with commas between them.
func parseMap(texts []string) (mapping, error) {
	var m mapping
	for _, text := range texts {
		for _, one := range splitMap(text) {
			name, template, ok := strings.Cut(one, "=")
			at := slices.Index(fieldNames[:], name)
			if !ok || at < 0 {
				var hint string
				if at < 0 {
					hint = config.Nearest(name, fieldNames[:])
				}
				return nil, &config.Error{
					Must:  "must be FIELD=COLUMN or FIELD='text with {COLUMN}', and FIELD one of " + strings.Join(fieldNames[:], ", "),
					Value: fmt.Sprintf("%q", one), Hint: hint,
				}
			}
			if m.sets(at) {
				return nil, &config.Error{Must: "must name each field once", Value: fmt.Sprintf("%q", one)}
			}
			parts, err := parseTemplate(template)
			if err != nil {
				return nil, err
			}
			m = append(m, mapped{at, parts})
		}
	}
	return m, nil
}

// splitMap cuts at the commas that another FIELD= follows.
func splitMap(text string) []string {
	var out []string
	from := 0
	for i := range text {
		if text[i] != ',' {
			continue
		}
		if name, _, ok := strings.Cut(text[i+1:], "="); ok && slices.Contains(fieldNames[:], name) {
			out, from = append(out, text[from:i]), i+1
		}
	}
	return append(out, text[from:])
}

// parseTemplate reads a column's name, or a text with columns in braces; {{ and }} are
// braces themselves.
func parseTemplate(text string) ([]templatePart, error) {
	if !strings.ContainsAny(text, "{}") {
		if text == "" {
			return nil, nil
		}
		return []templatePart{{column: text}}, nil
	}
	bad := &config.Error{Must: "must have each {COLUMN} in braces, and {{ or }} for a brace itself", Value: fmt.Sprintf("%q", text)}
	parts := []templatePart{{}} // a text, though an empty one, so that a single column is one
	for rest := text; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			return append(parts, templatePart{text: rest}), nil
		}
		parts = append(parts, templatePart{text: rest[:at]})
		c := rest[at]
		rest = rest[at+1:]
		if rest != "" && rest[0] == c {
			parts, rest = append(parts, templatePart{text: string(c)}), rest[1:]
			continue
		}
		name, after, ok := strings.Cut(rest, "}")
		if c == '}' || !ok || name == "" || strings.Contains(name, "{") {
			return nil, bad
		}
		parts, rest = append(parts, templatePart{column: name}), after
	}
	return parts, nil
}

// sets says whether a field is made by the mapping.
func (m mapping) sets(f int) bool {
	return slices.ContainsFunc(m, func(x mapped) bool { return x.field == f })
}

// uses says whether a column is named in the mapping.
func (m mapping) uses(column string) bool {
	return slices.ContainsFunc(m, func(x mapped) bool {
		return slices.ContainsFunc(x.parts, func(p templatePart) bool { return p.column == column })
	})
}

// apply makes the mapped fields of a row. What else would be the prompt or the reference
// of a row then is not.
func (m mapping) apply(r *row, v *values) error {
	if len(m) == 0 {
		return nil
	}
	for _, group := range [][]int{prompts, references} {
		if slices.ContainsFunc(group, m.sets) {
			for _, f := range group {
				v[f] = nil
			}
		}
	}
	for _, x := range m {
		raw, err := x.value(r)
		if err != nil {
			return err
		}
		v[x.field] = raw
	}
	return nil
}

// value is what a mapping makes of a row; nil = none.
func (x mapped) value(r *row) (json.RawMessage, error) {
	if len(x.parts) == 0 {
		return nil, nil
	}
	var b strings.Builder
	for _, p := range x.parts {
		if p.column == "" {
			b.WriteString(p.text)
			continue
		}
		at := slices.IndexFunc(r.fields, func(f field) bool { return f.name == p.column })
		if at < 0 {
			var names []string
			for _, f := range r.fields {
				names = append(names, f.name)
			}
			return nil, r.errorf(p.column, "must be there, as the mapping of %s says (got %s)", fieldNames[x.field], listed(names))
		}
		raw := r.fields[at].value
		switch {
		case string(raw) == "null" && len(x.parts) == 1:
			return nil, nil
		case string(raw) == "null":
			continue
		case len(x.parts) == 1:
			return raw, nil
		}
		text, err := textOf(raw)
		if err != nil {
			return nil, r.errorf(p.column, "%v", err)
		}
		b.WriteString(text)
	}
	return quoted(b.String()), nil
}
