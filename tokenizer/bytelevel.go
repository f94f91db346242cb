package tokenizer

// byteLevel cuts text by GPT-2's pattern and spells words in the byte alphabet.
type byteLevel struct {
	addSpace bool    // put a blank before text that does not begin with one
	scan     scanner // nil: no cutting
	keep     bool    // leave the words as they are: the model takes bytes
}

// jsonByteLevel has the fields of the pre-tokenizer, decoder and post-processor
// of that name.
type jsonByteLevel struct {
	Type        string `json:"type"`
	AddSpace    *bool  `json:"add_prefix_space"`
	TrimOffsets *bool  `json:"trim_offsets"` // offsets are not made here
	Pattern     *bool  `json:"use_regex"`    // true if not there
}

func parseByteLevel(p part) (*byteLevel, error) {
	var j jsonByteLevel
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if err := required(p.where, map[string]bool{"add_prefix_space": j.AddSpace == nil, "trim_offsets": j.TrimOffsets == nil}); err != nil {
		return nil, err
	}
	l := &byteLevel{addSpace: *j.AddSpace}
	if j.Pattern == nil || *j.Pattern {
		l.scan = scannerOf(PatternGPT2)
	}
	return l, nil
}

// endsInBytes returns the last stage if it spells bytes.
func endsInBytes(pre preTokenizer) (*byteLevel, bool) {
	if s, ok := pre.(*stages); ok && len(s.list) > 0 {
		return endsInBytes(s.list[len(s.list)-1])
	}
	l, ok := pre.(*byteLevel)
	return l, ok
}

// withoutSpelling leaves out a last stage that would do nothing.
func withoutSpelling(pre preTokenizer) preTokenizer {
	s, ok := pre.(*stages)
	if !ok || len(s.list) < 2 {
		return pre
	}
	last := len(s.list) - 1
	if l, ok := s.list[last].(*byteLevel); ok && l.keep && l.scan == nil && !l.addSpace {
		return &stages{s.list[:last]}
	}
	return pre
}

func (l *byteLevel) split(dst []piece, p piece) []piece {
	if l.addSpace && p.text[0] != ' ' {
		p = prepend(" ").normalize(p)
	}
	n := len(dst)
	if l.scan == nil {
		dst = append(dst, p)
	} else {
		dst = splitScan(dst, p, l.scan)
	}
	for i := n; i < len(dst) && !l.keep; i++ {
		dst[i] = spellBytes{}.normalize(dst[i])
	}
	return dst
}
