package task

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// clean takes quotes, Markdown and final punctuation, those that the options name,
// out of an answer. An answer of nothing else stays as it is.
func (o AnswerOptions) clean(answer string) string {
	s := strings.Map(plainSpace, strings.TrimSpace(answer))
	for { // what one pass takes out may uncover something for the next
		next := o.cleanOnce(s)
		if next == s || next == "" {
			return s
		}
		s = next
	}
}

// cleanOnce is one pass of clean. However long and mixed the marks are, a few passes
// find all: each part takes out whole runs of what it is for.
func (o AnswerOptions) cleanOnce(s string) string {
	if o.StripMarkdown {
		s = dropFences(s)
	}
	s = strings.TrimSpace(o.dropMarks(s))
	if o.StripMarkdown {
		s = dropLineMarks(s)
	}
	return o.trimEnd(s)
}

// normalize is the form of an answer in normalised exact match: cleaned, in lower
// case, without articles as in SQuAD (Rajpurkar et al. 2016), white space joined. An
// answer of articles alone ("A" of a choice) keeps them.
func (o AnswerOptions) normalize(answer string) string {
	for {
		words := strings.Fields(strings.ToLower(o.clean(answer)))
		if o.StripArticles {
			if rest := slices.DeleteFunc(slices.Clone(words), o.isArticle); len(rest) > 0 {
				words = rest
			}
		}
		next := strings.Join(words, " ")
		if next == answer {
			return next
		}
		answer = next
	}
}

// isArticle says that a word is an article, with punctuation after it or not.
func (o AnswerOptions) isArticle(word string) bool {
	if o.StripPunctuation {
		word = strings.TrimRightFunc(word, isFinal)
	}
	return word == "a" || word == "an" || word == "the"
}

// isFinal says what is taken from the end of an answer.
func isFinal(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(".,;:!?…。，、；：！？．", r)
}

// plainSpace makes white space that regular expressions do not know a space.
func plainSpace(r rune) rune {
	if unicode.IsSpace(r) && r != '\n' && r != '\t' {
		return ' '
	}
	return r
}

// trimEnd takes punctuation, and marks of emphasis that stand alone, from the end of
// an answer, in whatever order they come.
func (o AnswerOptions) trimEnd(s string) string {
	for {
		rest := s
		if o.StripPunctuation {
			rest = strings.TrimRightFunc(rest, isFinal)
		}
		if o.StripMarkdown {
			if word := strings.TrimRight(rest, "*_~"); word != strings.TrimSpace(word) {
				rest = strings.TrimRightFunc(word, unicode.IsSpace)
			}
		}
		if rest == s {
			return s
		}
		s = rest
	}
}

// isFence says that a line opens or closes a block of code.
func isFence(line string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "```")
	return ok && !strings.ContainsAny(strings.TrimLeft(rest, "`"), "` \t")
}

// dropFences takes out the lines that open or close a block of code, where other
// lines are left.
func dropFences(text string) string {
	if !strings.Contains(text, "```") {
		return text
	}
	var rest strings.Builder
	for line := range strings.Lines(text) {
		if !isFence(line) {
			rest.WriteString(line)
		}
	}
	if strings.TrimSpace(rest.String()) == "" {
		return text
	}
	return rest.String()
}

// dropMarks takes out quotes and the marks of emphasis and code, character by
// character, each judged by what stands beside it.
func (o AnswerOptions) dropMarks(text string) string {
	runes := []rune(text)
	var out strings.Builder
	for i := 0; i < len(runes); {
		end := i + 1 // of a run of the same character
		for end < len(runes) && runes[end] == runes[i] {
			end++
		}
		before, after := ' ', ' '
		if i > 0 {
			before = runes[i-1]
		}
		if end < len(runes) {
			after = runes[end]
		}
		switch {
		case o.StripQuotes && isApostrophe(runes[i]):
			if isWord(before) && isWord(after) && end == i+1 { // don't
				out.WriteByte('\'')
			}
		case o.StripQuotes && isQuote(runes[i]):
		case o.StripMarkdown && runes[i] == '`':
		case o.StripMarkdown && isEmphasis(runes[i], end-i) && emphasizes(before, after):
		default:
			out.WriteString(string(runes[i:end]))
		}
		i = end
	}
	return out.String()
}

// isQuote says which characters quote wherever they stand.
func isQuote(r rune) bool { return strings.ContainsRune("\"“”„‟«»「」『』＂", r) }

// isApostrophe says which quote unless they stand inside a word.
func isApostrophe(r rune) bool { return strings.ContainsRune("'‘’‚‛‹›´＇", r) }

// isEmphasis says that n of r may mark emphasis; one tilde means about.
func isEmphasis(r rune, n int) bool { return r == '*' || r == '_' || r == '~' && n > 1 }

// emphasizes says that a run of marks between these characters opens or closes
// emphasis, and is no sign between two words or numbers: 2*3, 2 * 3, snake_case.
func emphasizes(before, after rune) bool {
	return unicode.IsSpace(before) != unicode.IsSpace(after) || !unicode.IsSpace(before) && !(isWord(before) && isWord(after))
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// lineStart and lineEnd match what Markdown puts before the text of a line (heading,
// bullet, number of a list, quotation), and marks of emphasis that stand alone at
// either end.
var (
	lineStart = regexp.MustCompile(`(?m)^[ \t]*(?:(?:#{1,6}|[-+•‣>]|[0-9]{1,3}[.)]|[*_~]+)\s+)+`)
	lineEnd   = regexp.MustCompile(`(?m)(?:\s+[*_~]+)+$`)
)

func dropLineMarks(text string) string {
	return strings.TrimSpace(lineEnd.ReplaceAllLiteralString(lineStart.ReplaceAllLiteralString(text, ""), ""))
}
