package judge

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pgsrm/config"
	"pgsrm/custom"
)

// defaultCriteria are those of a term without a rubric.
const defaultCriteria = `Judge how well an answer does what the request asks for. What counts: it is correct, it does all of what is asked and nothing that is not, it keeps the meaning that is to be kept, and it reads well. Other words than those of a reference are as good where they do the same. Length by itself counts for nothing.`

// What follows criteria, to make a template of them.
const (
	absoluteFrame = "\n\nRequest:\n{prompt}\n\nReference answer:\n{reference}\n\nAnswer to grade:\n{response}"
	pairwiseFrame = "\n\nRequest:\n{prompt}\n\nAnswer A:\n{answer_a}\n\nAnswer B:\n{answer_b}"
)

// template is what the model is asked, with {prompt} and the other texts to be filled in;
// any other name in braces is a column of the prompt's line.
type template string

// placeholder is what a template can hold.
var placeholder = regexp.MustCompile(`\{[\pL_][\pL\pN_-]*\}`)

// The texts of a template by mode: those that it must hold, then all.
var (
	absoluteTexts = []string{"{response}", "{prompt}", "{reference}"}
	pairwiseTexts = []string{"{answer_a}", "{answer_b}", "{prompt}"}
)

// readRubric makes a template of a rubric: of criteria, in which no text is filled in, the
// usual one, unless a whole one is demanded.
func (s Spec) readRubric(text string, whole bool) (template, error) {
	texts, needed, frame := absoluteTexts, 1, absoluteFrame
	others := pairwiseTexts[:2]
	if s.Mode == pairwise {
		texts, needed, frame, others = pairwiseTexts, 2, pairwiseFrame, []string{"{response}", "{reference}"}
	}
	if strings.TrimSpace(text) == "" {
		if s.Rubric != "" {
			return "", errors.New("must not be empty")
		}
		text = defaultCriteria
	}
	for _, name := range others {
		if strings.Contains(text, name) {
			return "", &config.Error{Must: fmt.Sprintf("must not hold %s in this mode, which has %s", name, strings.Join(texts, ", "))}
		}
	}
	isTemplate := whole || slices.ContainsFunc(texts, func(name string) bool { return strings.Contains(text, name) })
	if !isTemplate {
		return template(text + frame), nil
	}
	for _, name := range texts[:needed] {
		if !strings.Contains(text, name) {
			e := &config.Error{Must: "a template must hold " + strings.Join(texts[:needed], " and ")}
			if !whole { // a file may hold anything
				e.Value = fmt.Sprintf("%q", text)
			}
			return "", e
		}
	}
	return template(text), nil
}

// fill puts the texts of a sample into the template, each at most so many characters of
// it and marked as data. What a text holds is never taken for a placeholder.
func (t template) fill(s custom.Sample, most int, texts map[string]string) (string, error) {
	var columns map[string]json.RawMessage
	var missing error
	out := placeholder.ReplaceAllStringFunc(string(t), func(p string) string {
		name := p[1 : len(p)-1]
		if name == "prompt" {
			return mark(name, s.Prompt, most)
		}
		if text, ok := texts[name]; ok {
			return mark(name, text, most)
		}
		if columns == nil && len(s.Columns) > 0 {
			if err := json.Unmarshal(s.Columns, &columns); err != nil {
				missing = fmt.Errorf("columns of a sample must be a JSON object: %w", err)
				return ""
			}
		}
		raw, ok := columns[name]
		if !ok {
			missing = fmt.Errorf("rubric must name columns of the prompts (got %s)", p)
			return ""
		}
		return cut(columnText(raw), most)
	})
	return out, missing
}

// columnText is a text as it is, and any other value as JSON.
func columnText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// mark puts a text between marks that it cannot hold: they have a part of its digest.
func mark(name, text string, most int) string {
	text = cut(defused.Replace(strings.ToValidUTF8(text, "\ufffd")), most)
	if strings.TrimSpace(text) == "" {
		text = "(none)"
	}
	tag := fmt.Sprintf("%s %.4x", name, sha256.Sum256([]byte(text)))
	return "<" + tag + ">\n" + text + "\n</" + tag + ">"
}

// cut is the beginning of a text, at most so many characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + " [cut]"
	}
	return text
}

// defused spells what chat templates make turns of: servers read it as such wherever it
// stands.
var defused = strings.NewReplacer(
	"<|", "< |", "<｜", "< ｜", "[INST]", "[ INST]", "[/INST]", "[ /INST]",
	"<start_of_turn>", "< start_of_turn>", "<end_of_turn>", "< end_of_turn>", "<s>", "< s>", "</s>", "< /s>",
)
