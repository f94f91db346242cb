package task

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pgsrm/config"
)

// AnswerOptions say what counts as an answer: the section answer of a configuration.
// docs/answers.md describes the order in which they act.
type AnswerOptions struct {
	Normalize        string `yaml:"normalize" json:"normalize" oneof:"auto, on, off"` // whether the reward ignores what the strip_ members name
	StripQuotes      bool   `yaml:"strip_quotes" json:"strip_quotes"`
	StripMarkdown    bool   `yaml:"strip_markdown" json:"strip_markdown"`
	StripPunctuation bool   `yaml:"strip_punctuation" json:"strip_punctuation"` // at the end of the answer
	StripArticles    bool   `yaml:"strip_articles" json:"strip_articles"`       // a, an, the

	After      string `yaml:"after" json:"after" longest:"200"`      // the answer stands after the last of these; "" = off
	FirstLine  bool   `yaml:"first_line" json:"first_line"`          // the answer is the first line that is not blank
	Pattern    string `yaml:"pattern" json:"pattern" longest:"1000"` // regular expression (RE2) whose first group is the answer; "" = off
	LastNumber bool   `yaml:"last_number" json:"last_number"`        // the answer is the last number

	AllowInput bool `yaml:"allow_input" json:"allow_input"` // a normalised answer may say the input again, though the reference does not
}

// DefaultAnswerOptions takes the whole response as the answer.
func DefaultAnswerOptions() AnswerOptions {
	return AnswerOptions{Normalize: "auto", StripQuotes: true, StripMarkdown: true, StripPunctuation: true, StripArticles: true}
}

// Rules reports an expression that cannot be used.
func (o AnswerOptions) Rules() error {
	if _, err := regexp.Compile(o.Pattern); err != nil {
		return &config.Error{Key: "pattern", Must: fmt.Sprintf("must be a regular expression (RE2): %v", err), Value: fmt.Sprintf("%q", o.Pattern)}
	}
	return nil
}

// Extracts says that the answer is a part of the response.
func (o AnswerOptions) Extracts() bool {
	return o.After != "" || o.FirstLine || o.Pattern != "" || o.LastNumber
}

// Matcher tells the answer in a response and whether it is right. A nil Matcher
// takes the whole response, and every quote and full stop counts. It is safe for
// concurrent use.
type Matcher struct {
	options AnswerOptions
	pattern *regexp.Regexp // nil = none
}

// Matcher makes the matcher of options that Rules approves of; normalize auto is off.
func (o AnswerOptions) Matcher() *Matcher {
	m := &Matcher{options: o}
	if o.Pattern != "" {
		m.pattern = regexp.MustCompile(o.Pattern)
	}
	return m
}

// Normalizes says that quotes, Markdown, final punctuation and articles do not
// count for the reward.
func (m *Matcher) Normalizes() bool { return m != nil && m.options.Normalize == "on" }

// ForbidsInput says that an answer that says the input of its prompt again, where
// the reference does not, earns nothing.
func (m *Matcher) ForbidsInput() bool { return m.Normalizes() && !m.options.AllowInput }

// OfAnswers is the matcher for texts that are answers already, not responses to
// find one in.
func (m *Matcher) OfAnswers() *Matcher {
	if m == nil {
		return nil
	}
	o := m.options
	o.After, o.FirstLine, o.Pattern, o.LastNumber = "", false, "", false
	return &Matcher{options: o}
}

// Answer is the part of a child's response that is its answer; empty where the
// options find none.
func (m *Matcher) Answer(response string) string {
	if m == nil {
		return response
	}
	a, all := m.extract(response)
	if !all {
		return ""
	}
	return a
}

// Reference is the answer in a text of the parent or of the task. References need not
// be written as responses are asked for: an option that finds nothing is left out.
func (m *Matcher) Reference(text string) string {
	if m == nil {
		return text
	}
	a, _ := m.extract(text)
	return a
}

// Target is what a child is taught to write so that its answer is that of the
// reference: the reference, of which the first line alone where no other counts, with
// the marker before it where it has none. ok is false where even that has no answer.
func (m *Matcher) Target(reference string) (text string, ok bool) {
	if m == nil {
		return reference, true
	}
	text = reference
	switch o := m.options; {
	case o.After != "" && !strings.Contains(text, o.After):
		text = o.After + " " + strings.TrimSpace(text)
	case o.After == "" && o.FirstLine:
		text, _ = firstLine(text)
	}
	_, ok = m.extract(text)
	return text, ok
}

// Text is the form in which the reward compares an answer: without quotes, Markdown
// and final punctuation where these do not count.
func (m *Matcher) Text(answer string) string {
	if !m.Normalizes() {
		return answer
	}
	return m.options.clean(answer)
}

// Key is the form in which the reward holds two answers to be the same.
func (m *Matcher) Key(answer string) string {
	if !m.Normalizes() {
		return Normalize(answer)
	}
	return m.options.normalize(answer)
}

// Exact reports whether a response has the answer of the reference or one of those
// accepted, as the reward counts it: normalised where the options say so, else Strict.
func (m *Matcher) Exact(response, reference string, accepted []string) bool {
	return right(m.Key, m.Answer(response), m.Reference(reference), accepted)
}

// Agree is Exact for what a parent said: like the reference it need not be written as
// a response is asked for.
func (m *Matcher) Agree(said, reference string, accepted []string) bool {
	return right(m.Key, m.Reference(said), m.Reference(reference), accepted)
}

// Strict is Exact with quotes, Markdown, punctuation and articles counting.
func (m *Matcher) Strict(response, reference string, accepted []string) bool {
	return right(Normalize, m.Answer(response), m.Reference(reference), accepted)
}

// Normalized is Exact without them, whatever the reward does.
func (m *Matcher) Normalized(response, reference string, accepted []string) bool {
	o := DefaultAnswerOptions()
	if m != nil {
		o = m.options
	}
	return right(o.normalize, m.Answer(response), m.Reference(reference), accepted)
}

// right compares answers by a form of theirs. An empty one is never right.
func right(form func(string) string, answer, reference string, accepted []string) bool {
	a := form(answer)
	if a == "" {
		return false
	}
	return a == form(reference) || slices.ContainsFunc(accepted, func(s string) bool { return a == form(s) })
}
