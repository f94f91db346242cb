package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// metaspace writes blanks as a visible character and cuts before each.
type metaspace struct {
	mark   string
	scheme string // always, first, never: where the mark is put before text
	cut    bool
}

func parseMetaspace(p part) (*metaspace, error) {
	var j struct {
		Type     string  `json:"type"`
		Mark     string  `json:"replacement"`
		AddSpace *bool   `json:"add_prefix_space"` // older files
		Scheme   *string `json:"prepend_scheme"`
		Cut      *bool   `json:"split"`
		Rep      *string `json:"str_rep"` // the mark again
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	m := &metaspace{mark: j.Mark, scheme: "always", cut: j.Cut == nil || *j.Cut}
	if j.Scheme != nil {
		m.scheme = *j.Scheme
	}
	if m.scheme != "always" && m.scheme != "first" && m.scheme != "never" {
		return nil, fmt.Errorf("%s: prepend_scheme must be one of always, first, never (got %q)", p.where, m.scheme)
	}
	if j.AddSpace != nil && !*j.AddSpace {
		if m.scheme != "never" {
			return nil, fmt.Errorf("%s: prepend_scheme must be never where add_prefix_space is false (got %q)", p.where, m.scheme)
		}
	}
	if utf8.RuneCountInString(m.mark) != 1 {
		return nil, fmt.Errorf("%s: replacement must be one character (got %q)", p.where, m.mark)
	}
	return m, nil
}

func (m *metaspace) split(dst []piece, p piece) []piece {
	p = replace{find: literal(" "), content: m.mark}.normalize(p)
	if (m.scheme == "always" || m.scheme == "first" && p.zero > 0) && !strings.HasPrefix(p.text, m.mark) {
		p = prepend(m.mark).normalize(p)
	}
	if !m.cut {
		return append(dst, p)
	}
	return cutter{find: literal(m.mark), mode: mergedNext}.split(dst, p)
}
