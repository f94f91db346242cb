package reward

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"pgsrm/config"
)

// textRule says whether a kind of term takes a text.
type textRule int

const (
	noText textRule = iota
	optionalText
	requiredText
)

// term reads the rest of a term: its exponent, its text and its parameters.
func (p *parser) term(k kind) (*node, error) {
	t := Term{Kind: k.name, Weight: 1, Alpha: k.alpha, Tau: k.tau}
	if p.take('^') {
		x, err := p.signed()
		if err != nil {
			return nil, err
		}
		if err := t.set("alpha", x); err != nil {
			return nil, err
		}
	}
	if p.take('(') {
		if err := p.arguments(k, &t); err != nil {
			return nil, err
		}
	}
	if t.Tau == 0 && k.tau != 0 { // which stands for the default in a list of terms alone
		return nil, config.At(t.Kind, tooCold(0))
	}
	if err := config.First(config.Check(t), t.rules()); err != nil {
		return nil, config.At(t.Kind, err)
	}
	i := slices.Index(p.out.terms, t)
	if i < 0 {
		i = len(p.out.terms)
		p.out.terms = append(p.out.terms, t)
	}
	n, err := p.add(&node{op: "term", term: t})
	if err != nil {
		return nil, err
	}
	n.column, n.span = i, t.span()
	return n, nil
}

// arguments reads what stands in the parentheses of a term, and the last of them.
func (p *parser) arguments(k kind, t *Term) error {
	c := p.peek()
	switch quoted := c == '"' || c == '\''; {
	case quoted && k.text == noText:
		return p.unexpected(fmt.Sprintf("no text, which %s does not take,", k.name))
	case quoted:
		text, err := p.quoted()
		if err != nil {
			return config.At(k.name+".text", err)
		}
		t.Text = text
		if p.take(')') {
			return nil
		}
		if !p.take(',') {
			return p.unexpected(`"," or ")" behind the text`)
		}
	case k.text != noText && !p.atParameter(k):
		text, more, err := p.bare(k.judge)
		t.Text = text
		if err != nil || !more {
			return config.At(k.name+".text", err)
		}
	}
	for {
		if err := p.termParameter(t); err != nil {
			return err
		}
		if p.take(')') {
			return nil
		}
		if !p.take(',') {
			return p.unexpected(`"," or ")"`)
		}
	}
}

// atParameter says whether the name of a parameter and "=" follow.
func (p *parser) atParameter(k kind) bool {
	start := p.pos
	key, ok := p.key()
	p.pos = start
	t := &Term{Kind: k.name}
	return ok && (t.parameter(key) != nil || t.wordParameter(key) != nil)
}

// quoted reads a text in quotes: "..." with the escapes of JSON, or '...' as it stands.
func (p *parser) quoted() (string, error) {
	start, quote := p.pos, p.text[p.pos]
	end := start + 1
	for end < len(p.text) && p.text[end] != quote {
		if quote == '"' && p.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.text) {
		return "", &config.Error{Must: fmt.Sprintf("must end with its quote %c", quote), Value: fmt.Sprintf("%q", p.text[start:])}
	}
	p.pos = end + 1
	text := p.text[start+1 : end]
	if quote == '"' && utf8.ValidString(text) { // JSON would replace what is none
		if err := json.Unmarshal([]byte(p.text[start:p.pos]), &text); err != nil {
			return "", &config.Error{Must: `must have in "..." the escapes of JSON, \" \\ \n \u00e9; in '...' it stands as it is`, Value: p.text[start:p.pos]}
		}
	}
	p.texts = append(p.texts, [2]int{start, p.pos})
	return text, checkText(text)
}

// bare reads a text without quotes up to the parenthesis that closes the term, or, where
// parameters may follow it (listed), to a comma before: more says that they do.
func (p *parser) bare(listed bool) (text string, more bool, err error) {
	p.peek()
	start, depth := p.pos, 0
	for end := start; end < len(p.text); end++ {
		c := p.text[end]
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 || listed && depth == 0 && c == ',' {
			text := strings.TrimSpace(p.text[start:end])
			p.texts = append(p.texts, [2]int{start, start + len(text)})
			p.pos = end + 1
			return text, c == ',', checkText(text)
		}
	}
	return "", false, &config.Error{Must: `must end with ")", its parentheses balanced, or stand in quotes`, Value: fmt.Sprintf("%q", p.text[start:])}
}

// word reads the text that is the value of a parameter, in quotes or bare, up to the comma
// or the parenthesis behind it.
func (p *parser) word() (string, error) {
	if c := p.peek(); c == '"' || c == '\'' {
		return p.quoted()
	}
	text, _, err := p.bare(true)
	p.pos-- // what ends it is read by the caller
	return text, err
}

// checkText reports a text that no term can take.
func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return &config.Error{Must: "must not be empty", Value: fmt.Sprintf("%q", text)}
	case !utf8.ValidString(text):
		return &config.Error{Must: "must be UTF-8", Value: fmt.Sprintf("%q", text)}
	}
	return nil
}

func (p *parser) termParameter(t *Term) error {
	start := p.pos
	key := p.name()
	if key == "no_clip" && !p.take('=') {
		t.NoClip = true
		return nil
	}
	p.pos = start
	key, ok := p.key()
	if !ok {
		p.pos = start
		return p.unexpected("a parameter " + t.parameters())
	}
	if field := t.wordParameter(key); field != nil {
		text, err := p.word()
		*field = text
		return config.At(t.Kind+"."+key, err)
	}
	if t.parameter(key) == nil {
		return &config.Error{Must: "parameter must be " + t.parameters(), Value: fmt.Sprintf("%q", key)}
	}
	x, err := p.signed()
	if err != nil {
		return err
	}
	return t.set(key, x)
}

// parameters are those that a term may have, for messages.
func (t *Term) parameters() string {
	if t.Kind == judgeTerm {
		return "mode=absolute, mode=pairwise, rubric=TEXT or scale=N"
	}
	return "alpha=X, tau=X, m0=X, tol=X, target=X or no_clip"
}

// parameter is where a term keeps a number that is given by name; nil: no such name.
func (t *Term) parameter(key string) *float64 {
	if t.Kind == judgeTerm && key == "scale" {
		return &t.Scale
	}
	return map[string]*float64{"alpha": &t.Alpha, "tau": &t.Tau, "m0": &t.M0, "tol": &t.Tol, "target": &t.Target}[key]
}

// wordParameter is where a term keeps a text that is given by name; nil: no such name.
func (t *Term) wordParameter(key string) *string {
	if t.Kind != judgeTerm {
		return nil
	}
	return map[string]*string{"mode": &t.Mode, "rubric": &t.Rubric}[key]
}

// set gives one parameter of a term its value.
func (t *Term) set(key string, x float64) error {
	if (key == "target" || key == "scale") && x == 0 { // which stands for none
		return &config.Error{Key: t.Kind + "." + key, Must: "must be above 0", Value: "0"}
	}
	*t.parameter(key) = x
	return nil
}

// String is the term without its weight, as an expression has it.
func (t Term) String() string {
	k, _ := findKind(t.Kind)
	text := t.Kind
	if t.Alpha != k.alpha {
		text += "^" + strconv.FormatFloat(t.Alpha, 'g', -1, 64)
	}
	var list []string
	if t.Text != "" {
		list = append(list, quote(t.Text))
	}
	for _, p := range []struct {
		name       string
		value, def float64
	}{{"tau", t.Tau, k.tau}, {"m0", t.M0, 0}, {"tol", t.Tol, 0}, {"target", t.Target, 0}, {"scale", t.Scale, 0}} {
		if p.value != p.def {
			list = append(list, p.name+"="+strconv.FormatFloat(p.value, 'g', -1, 64))
		}
	}
	for _, p := range []struct{ name, value string }{{"mode", t.Mode}, {"rubric", t.Rubric}} {
		if p.value != "" {
			list = append(list, p.name+"="+quote(p.value))
		}
	}
	if t.NoClip {
		list = append(list, "no_clip")
	}
	if len(list) > 0 {
		text += "(" + strings.Join(list, ", ") + ")"
	}
	return text
}

// quote is a text as an expression has it: in '...' where that saves escapes, else in "...".
func quote(text string) string {
	plain := !strings.ContainsFunc(text, func(r rune) bool { return r == '\'' || !unicode.IsPrint(r) })
	if plain && strings.ContainsAny(text, `"\`) {
		return "'" + text + "'"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// withoutBlanks is an expression without the blanks outside of its texts.
func withoutBlanks(text string, texts [][2]int) string {
	var b strings.Builder
	from := 0
	for _, t := range append(texts, [2]int{len(text), len(text)}) {
		b.WriteString(strings.Join(strings.Fields(text[from:t[0]]), ""))
		b.WriteString(text[t[0]:t[1]])
		from = t[1]
	}
	return b.String()
}
