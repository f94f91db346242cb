package config

import (
	"regexp"
	"strings"
)

// Page is the description of the keys of a configuration, as it stands in the
// section "Keys" of a page of Markdown, indented by four columns:
//
//	# What the key is for, in one or more lines; it also tells of the keys that
//	# follow without a text of their own.
//	[ key: <type> | default = x ]
//	# What the section is for.
//	section:
//	  [ key: <type> | default = x ]
type Page struct{ Entries []Entry }

// Entry is one key or section of a Page.
type Entry struct {
	Key     string   // dotted
	Text    []string // what it is for, by line
	Type    string   // "" for a section
	Default string
	Section bool
	depth   int
	shared  bool // Text is that of the key before
}

var (
	keyLine     = regexp.MustCompile(`^\[ ([a-z0-9_]+): (.*) \| default = ?(.*) \]$`)
	sectionLine = regexp.MustCompile(`^([a-z0-9_]+):$`)
)

// ParsePage reads the section "Keys" of a page. Lines that are none of those
// above are left out: a test compares the entries with the keys.
func ParsePage(markdown string) *Page {
	_, block, _ := strings.Cut(markdown, "\n## Keys\n")
	block, _, _ = strings.Cut(block, "\n## ")
	p := &Page{}
	var sections, text []string
	for line := range strings.Lines(block) {
		body, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !ok {
			text = nil
			continue
		}
		inner := strings.TrimLeft(body, " ")
		depth := (len(body) - len(inner)) / 2
		sections = sections[:min(depth, len(sections))]
		e := Entry{Text: text, depth: depth}
		switch m := keyLine.FindStringSubmatch(inner); {
		case strings.HasPrefix(inner, "# "):
			text = append(text, inner[2:])
			continue
		case m != nil:
			e.Key, e.Type, e.Default = m[1], m[2], m[3]
		case sectionLine.MatchString(inner):
			e.Key, e.Section = strings.TrimSuffix(inner, ":"), true
		default:
			continue
		}
		name := e.Key
		e.Key = strings.Join(append(sections, name), ".")
		if e.Section {
			sections = append(sections[:depth:depth], name)
		} else if e.Text == nil && len(p.Entries) > 0 && p.Entries[len(p.Entries)-1].depth == depth {
			e.Text, e.shared = p.Entries[len(p.Entries)-1].Text, true
		}
		p.Entries, text = append(p.Entries, e), nil
	}
	return p
}

// Find is the entry of a key, nil where the page has none.
func (p *Page) Find(key string) *Entry {
	for i := range p.Entries {
		if p.Entries[i].Key == key {
			return &p.Entries[i]
		}
	}
	return nil
}

// Starter is a configuration file in which every key stands with its default and
// its description, the keys commented out: it means what no file means, and a
// line without its # changes one value.
func (p *Page) Starter(keys []Key) string {
	values := map[string]string{}
	for _, k := range keys {
		values[k.Name] = k.Text()
	}
	var b strings.Builder
	for i, e := range p.Entries {
		indent := strings.Repeat("  ", e.depth)
		if e.depth == 0 && i > 0 {
			b.WriteString("\n")
		}
		if !e.shared {
			for _, line := range e.Text {
				b.WriteString(indent + "# " + line + "\n")
			}
		}
		name := e.Key[strings.LastIndex(e.Key, ".")+1:]
		if e.Section {
			b.WriteString(indent + name + ":\n")
			continue
		}
		if e.Type != "" && e.Type[0] == '<' {
			b.WriteString(indent + "# " + e.Type + "\n")
		} else {
			b.WriteString(indent + "# One of " + e.Type + "\n")
		}
		b.WriteString(indent + "#" + name + ": " + values[e.Key] + "\n")
	}
	return b.String()
}
