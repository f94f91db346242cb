package tokenizer

import (
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// preTokenizer cuts a piece of text, which is not empty, into words, appended to
// dst.
type preTokenizer interface {
	split(dst []piece, p piece) []piece
}

// parsePreTokenizer reads a pre-tokenizer; none is nil.
func parsePreTokenizer(where string, raw json.RawMessage) (preTokenizer, error) {
	p, err := readPart(where, raw)
	if err != nil || p.absent {
		return nil, err
	}
	isSep := func(flags uint16) matcher { return charMatcher{chars(), flags} }
	switch p.kind {
	case "ByteLevel":
		return parseByteLevel(p)
	case "Metaspace":
		return parseMetaspace(p)
	case "Split":
		return parseSplit(p)
	case "Digits":
		return parseDigits(p)
	case "Punctuation":
		return parsePunctuation(p)
	case "CharDelimiterSplit":
		return parseDelimiter(p)
	case "WhitespaceSplit":
		return cutter{find: isSep(isSpaceFlag), mode: removed}, p.read(&onlyType{})
	case "Whitespace":
		return cutter{find: wordMatcher{chars()}, mode: removed, invert: true}, p.read(&onlyType{})
	case "BertPreTokenizer":
		return &stages{list: []preTokenizer{cutter{find: isSep(isSpaceFlag), mode: removed},
			cutter{find: isSep(isPunctFlag), mode: isolated}}}, p.read(&onlyType{})
	case "Sequence":
		return parseStages(p)
	}
	return nil, p.unknown("BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "Metaspace", "Punctuation",
		"Sequence", "Split", "Whitespace", "WhitespaceSplit")
}

// onlyType is a part without fields of its own.
type onlyType struct {
	Type string `json:"type"`
}

// stages apply one after the other, each to the words of the one before.
type stages struct{ list []preTokenizer }

func parseStages(p part) (*stages, error) {
	var j struct {
		Type string            `json:"type"`
		List []json.RawMessage `json:"pretokenizers"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	s := &stages{}
	for i, raw := range j.List {
		where := fmt.Sprintf("%s: pretokenizers[%d]", p.where, i)
		one, err := parsePreTokenizer(where, raw)
		if err != nil {
			return nil, err
		}
		if one == nil {
			return nil, fmt.Errorf("%s: must be an object", where)
		}
		s.list = append(s.list, one)
	}
	return s, nil
}

func (s *stages) split(dst []piece, p piece) []piece { return splitWith(s.list, dst, p) }

// splitWith runs the stages depth first: a word goes through all of them before
// the next one is cut.
func splitWith(list []preTokenizer, dst []piece, p piece) []piece {
	if len(list) == 0 {
		return append(dst, p)
	}
	if len(list) == 1 {
		return list[0].split(dst, p)
	}
	for _, w := range list[0].split(nil, p) {
		dst = splitWith(list[1:], dst, w)
	}
	return dst
}

// mode says what becomes of the matches of a cutter.
type mode int

const (
	removed    mode = iota // matches go
	isolated               // each match is a word
	mergedPrev             // a match belongs to what stands before it
	mergedNext             // a match belongs to what follows it
	contiguous             // matches that touch are one word
)

var modeNames = map[string]mode{"Removed": removed, "Isolated": isolated, "MergedWithPrevious": mergedPrev,
	"MergedWithNext": mergedNext, "Contiguous": contiguous}

// parseMode reads a mode by its name.
func parseMode(where, name string) (mode, error) {
	m, ok := modeNames[name]
	if !ok {
		return 0, fmt.Errorf("%s: behavior must be one of Contiguous, Isolated, MergedWithNext, MergedWithPrevious, Removed (got %q)", where, name)
	}
	return m, nil
}

// cutter cuts text at the matches of a pattern, or, inverted, between them.
type cutter struct {
	find   matcher
	mode   mode
	invert bool
}

// splitScan appends the matches of a scanner.
func splitScan(dst []piece, p piece, scan scanner) []piece {
	for i := 0; i < len(p.text); {
		j := scan(p.text, i)
		dst = append(dst, p.sub(i, j))
		i = j
	}
	return dst
}

// span is text[a:b] of a piece; match is whether the pattern matched it.
type span struct {
	a, b  int
	match bool
}

func (c cutter) split(dst []piece, p piece) []piece {
	if m, ok := c.find.(scanMatcher); ok && (c.mode == isolated || c.mode == removed && c.invert) {
		return splitScan(dst, p, m.scan) // the matches leave nothing between them
	}
	if c.mode == removed || c.mode == isolated {
		for s := range c.spans(p.text) {
			if (c.mode == isolated || !s.match) && s.a < s.b {
				dst = append(dst, p.sub(s.a, s.b))
			}
		}
		return dst
	}
	for _, s := range c.merged(p.text) {
		if s.a < s.b {
			dst = append(dst, p.sub(s.a, s.b))
		}
	}
	return dst
}

// spans yields the matches and the text between them, in order.
func (c cutter) spans(text string) iter.Seq[span] {
	return func(yield func(span) bool) {
		last := 0
		for a, b := range matches(c.find, text) {
			if last != a && !yield(span{last, a, c.invert}) || !yield(span{a, b, !c.invert}) {
				return
			}
			last = b
		}
		if last != len(text) {
			yield(span{last, len(text), c.invert})
		}
	}
}

// merged joins spans as the mode says.
func (c cutter) merged(text string) []span {
	var all []span
	for s := range c.spans(text) {
		all = append(all, s)
	}
	joins := func(before, s span) bool { return s.match && !before.match }
	switch c.mode {
	case contiguous:
		joins = func(before, s span) bool { return s.match == before.match }
	case mergedNext:
		joins = func(before, s span) bool { return before.match && !s.match }
	}
	var out []span
	for i, s := range all {
		if i > 0 && joins(all[i-1], s) {
			out[len(out)-1].b = s.b
		} else {
			out = append(out, s)
		}
	}
	return out
}

func parseSplit(p part) (preTokenizer, error) {
	var j struct {
		Type    string       `json:"type"`
		Pattern *jsonPattern `json:"pattern"`
		Mode    string       `json:"behavior"`
		Invert  *bool        `json:"invert"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if err := required(p.where, map[string]bool{"pattern": j.Pattern == nil, "behavior": j.Mode == "", "invert": j.Invert == nil}); err != nil {
		return nil, err
	}
	m, err := parseMode(p.where, j.Mode)
	if err != nil {
		return nil, err
	}
	find, err := parsePattern(p.where+": pattern", *j.Pattern)
	return cutter{find, m, *j.Invert}, err
}

func parseDigits(p part) (preTokenizer, error) {
	var j struct {
		Type       string `json:"type"`
		Individual *bool  `json:"individual_digits"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	m := contiguous
	if isTrue(j.Individual) {
		m = isolated
	}
	err := required(p.where, map[string]bool{"individual_digits": j.Individual == nil})
	return cutter{find: charMatcher{chars(), isNumeric}, mode: m}, err
}

func parsePunctuation(p part) (preTokenizer, error) {
	var j struct {
		Type string  `json:"type"`
		Mode *string `json:"behavior"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	name := "Isolated"
	if j.Mode != nil {
		name = *j.Mode
	}
	m, err := parseMode(p.where, name)
	return cutter{find: charMatcher{chars(), isPunctFlag}, mode: m}, err
}

func parseDelimiter(p part) (preTokenizer, error) {
	var j struct {
		Type      string `json:"type"`
		Delimiter string `json:"delimiter"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(j.Delimiter) != 1 {
		return nil, fmt.Errorf("%s: delimiter must be one character (got %q)", p.where, j.Delimiter)
	}
	return cutter{find: literal(j.Delimiter), mode: removed}, nil
}

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
		l.scan = scannerOf(patternGPT2)
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
