package task

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// extract narrows a text to the answer in it: what stands after the marker, of that
// the first line, of that what the expression finds, of that the last number. all is
// false where one of them finds nothing; it is left out then.
func (m *Matcher) extract(text string) (answer string, all bool) {
	o, all := m.options, true
	for _, step := range []struct {
		on   bool
		find func(string) (string, bool)
	}{
		{o.After != "", func(s string) (string, bool) { return afterLast(s, o.After) }},
		{o.FirstLine, firstLine},
		{m.pattern != nil, func(s string) (string, bool) { return firstGroup(m.pattern, s) }},
		{o.LastNumber, lastNumber},
	} {
		if !step.on {
			continue
		}
		if found, ok := step.find(text); ok {
			text = found
		} else {
			all = false
		}
	}
	return text, all
}

// afterLast is what stands after the last marker.
func afterLast(text, marker string) (string, bool) {
	i := strings.LastIndex(text, marker)
	if i < 0 {
		return "", false
	}
	return strings.TrimSpace(text[i+len(marker):]), true
}

// firstLine is the first line that is neither blank nor the fence of a code block.
func firstLine(text string) (string, bool) {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" && !isFence(line) {
			return strings.TrimSpace(line), true
		}
	}
	return "", false
}

// firstGroup is what the first group of the first match holds, the whole match
// where the expression has no group.
func firstGroup(re *regexp.Regexp, text string) (string, bool) {
	at := re.FindStringSubmatchIndex(text)
	if len(at) > 2 {
		at = at[2:4]
	}
	if at == nil || at[0] < 0 {
		return "", false
	}
	return text[at[0]:at[1]], true
}

// number matches a number without its sign, groups of thousands with commas.
var number = regexp.MustCompile(`(?:[0-9]{1,3}(?:,[0-9]{3})+\b|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+`)

// lastNumber is the last number of a text as GSM8K compares it (Cobbe et al. 2021),
// without separators of thousands, and in one form: no zeros that say nothing.
func lastNumber(text string) (string, bool) {
	all := number.FindAllStringIndex(text, -1)
	if all == nil {
		return "", false
	}
	last := all[len(all)-1]
	digits := strings.ReplaceAll(text[last[0]:last[1]], ",", "")
	whole, fraction, _ := strings.Cut(digits, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if whole != "0" && negative(text[:last[0]]) {
		whole = "-" + whole
	}
	return whole, true
}

// negative says that the text before a number ends in its minus sign, and not in a
// hyphen or a minus between two operands.
func negative(before string) bool {
	before = strings.TrimRight(before, "$€£")
	head := strings.TrimSuffix(strings.TrimSuffix(before, "-"), "−")
	if head == before {
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(head)
	return head == "" || !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != ')'
}
