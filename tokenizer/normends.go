package tokenizer

import "pgsrm/tokenizer/internal/chars"

// strip takes white space off the ends.
type strip struct{ left, right bool }

func parseStrip(p part) (normalizer, error) {
	var j struct {
		Type  string `json:"type"`
		Left  *bool  `json:"strip_left"`
		Right *bool  `json:"strip_right"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	err := required(p.where, map[string]bool{"strip_left": j.Left == nil, "strip_right": j.Right == nil})
	return strip{isTrue(j.Left), isTrue(j.Right)}, err
}

func (s strip) normalize(p piece) piece {
	t, a, b := chars.Load(), 0, len(p.text)
	if s.left {
		a = t.TrimSpace(p.text, true)
	}
	if s.right {
		b = max(a, len(p.text)-t.TrimSpace(p.text, false))
	}
	return p.sub(a, b)
}

// prepend puts a string before text that is not empty.
type prepend string

func parsePrepend(p part) (normalizer, error) {
	var j struct {
		Type    string  `json:"type"`
		Prepend *string `json:"prepend"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	return prepend(text(j.Prepend)), required(p.where, map[string]bool{"prepend": j.Prepend == nil})
}

func (s prepend) normalize(p piece) piece {
	if p.text == "" {
		return p
	}
	p.text = string(s) + p.text
	if p.zero > 0 {
		p.zero += len(s)
	}
	return p
}

// replace puts content in the place of every match.
type replace struct {
	find    matcher
	content string
}

// jsonPattern is {"String": "..."} or {"Regex": "..."}.
type jsonPattern struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

func parseReplace(p part) (replace, error) {
	var j struct {
		Type    string       `json:"type"`
		Pattern *jsonPattern `json:"pattern"`
		Content *string      `json:"content"`
	}
	if err := p.read(&j); err != nil {
		return replace{}, err
	}
	if err := required(p.where, map[string]bool{"pattern": j.Pattern == nil, "content": j.Content == nil}); err != nil {
		return replace{}, err
	}
	find, err := parsePattern(p.where+": pattern", *j.Pattern, p.nest)
	return replace{find, *j.Content}, err
}

func (n replace) normalize(p piece) piece {
	w, last := newRewriter(p), 0
	for a, b := range matches(n.find, p.text) {
		w.copy(p.text, last, a)
		w.put(n.content, b-1) // as the last byte of the match
		last = b
	}
	if last == 0 && w.out.Len() == 0 {
		return p
	}
	w.copy(p.text, last, len(p.text))
	return w.piece()
}
