package parent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pgsrm/remote"
)

// Reason names why an answer was refused.
type Reason string

// The reasons; Counts has a count for each.
const (
	emptyAnswer       Reason = "empty"
	tooLong           Reason = "too_long"
	severalLines      Reason = "several_lines"
	notJSON           Reason = "not_json"
	wrongField        Reason = "wrong_field" // no text under OUTPUT
	noText            Reason = "not_text"    // control characters, or bytes that are not UTF-8
	byModel           Reason = "refusal"     // the model declined
	placeholderAnswer Reason = "placeholder" // words of the instruction
	cutShort          Reason = "cut_short"   // finish_reason length: max_tokens was too few
	filtered          Reason = "filtered"    // finish_reason content_filter
	unfinished        Reason = "unfinished"  // any other finish_reason than stop
)

// refusedError is an answer that came and cannot be used. It is not asked for
// again: the same request would bring the same.
type refusedError struct {
	Reason Reason
	Text   string // what must hold
	Answer string // the beginning of what came; may be empty
}

// Error says what must hold and what came.
func (e *refusedError) Error() string {
	if e.Answer == "" {
		return "answer refused: " + e.Text
	}
	return fmt.Sprintf("answer refused: %s (got %q)", e.Text, e.Answer)
}

// refused makes a refusedError that shows the beginning of the answer.
func refused(r Reason, answer, format string, args ...any) *refusedError {
	const most = 80
	if runes := []rune(answer); len(runes) > most {
		answer = string(runes[:most]) + "..."
	}
	return &refusedError{Reason: r, Text: fmt.Sprintf(format, args...), Answer: answer}
}

// readAnswer takes the answer out of a choice: one line of at most so many
// characters. The error is a *refusedError.
func readAnswer(c choice, format string, limit int) (string, error) {
	content, err := finished(c)
	if err != nil {
		return "", err
	}
	content = strings.TrimSpace(withoutThoughts(content))
	if format != formatText && content != "" {
		if content, err = fromJSON(content, format); err != nil {
			return "", err
		}
	}
	return checkAnswer(strings.TrimSpace(content), limit)
}

// finished is the content of a choice that ended as it should.
func finished(c choice) (string, error) {
	content := ""
	if c.Message.Content != nil {
		content = *c.Message.Content
	}
	switch {
	case c.Message.Refusal != nil && *c.Message.Refusal != "":
		return "", refused(byModel, *c.Message.Refusal, "the model must not decline")
	case c.FinishReason == "length":
		return "", refused(cutShort, content, "must end within max_tokens")
	case c.FinishReason == "content_filter":
		return "", refused(filtered, content, "must pass the server's filter")
	case c.FinishReason != "stop":
		return "", refused(unfinished, content, "finish_reason must be stop, not %q", c.FinishReason)
	}
	return content, nil
}

// withoutThoughts drops what a model thinks aloud before its answer, where the
// server leaves it in the content.
func withoutThoughts(content string) string {
	if rest, found := strings.CutPrefix(strings.TrimSpace(content), "<think>"); found {
		if _, answer, closed := strings.Cut(rest, "</think>"); closed {
			return answer
		}
	}
	return content
}

// fromJSON is the text under OUTPUT. In the format auto one line without a brace
// is taken as it is: the answer of a model that was not held to JSON.
func fromJSON(content, format string) (string, error) {
	if format == formatAuto && !strings.ContainsAny(content, "{}`\n") {
		return content, nil
	}
	var fields map[string]json.RawMessage
	if err := remote.Decode([]byte(withoutFence(content)), &fields); err != nil {
		return "", refused(notJSON, content, "must be one JSON object")
	}
	raw, ok := fields[answerKey]
	if !ok {
		return "", refused(wrongField, content, "must have the key %s", answerKey)
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return "", refused(wrongField, content, "%s must be a text", answerKey)
	}
	return *text, nil
}

// withoutFence drops the fence that models put around code.
func withoutFence(content string) string {
	if rest, ok := strings.CutPrefix(content, "```"); ok {
		if body, ok := strings.CutSuffix(strings.TrimSpace(rest), "```"); ok {
			return strings.TrimPrefix(strings.TrimSpace(body), "json")
		}
	}
	return content
}

// checkAnswer demands one line of text that is not empty and not too long.
func checkAnswer(answer string, limit int) (string, error) {
	switch n := utf8.RuneCountInString(answer); {
	case answer == "":
		return "", refused(emptyAnswer, "", "must not be empty")
	case strings.ContainsAny(answer, "\n\r\v\f\u0085\u2028\u2029"):
		return "", refused(severalLines, answer, "must be one line")
	case strings.ContainsFunc(answer, notText):
		return "", refused(noText, answer, "must be text")
	case n > limit:
		return "", refused(tooLong, answer, "must have at most %d characters, not %d", limit, n)
	}
	return answer, nil
}

// placeholders are what stands for an answer in instructions and examples, and what
// small models repeat from there.
var placeholders = []string{"your answer", "your answer here", "the answer", "the answer to the request", "the answer to the request as text", "insert answer here"}

// checkRepeats refuses an answer that is no more than words of the instruction: of
// those sent with the prompt, a whole one or a line of four words, or a placeholder. What a
// prompt says may be the answer.
func checkRepeats(answer string, instructions ...string) error {
	bare := withoutBrackets(answer)
	if slices.Contains(placeholders, bare) || answer == "..." || answer == "\u2026" {
		return refused(placeholderAnswer, answer, "must be an answer, not what stands for one")
	}
	if strings.Count(bare, " ") < 3 {
		return nil // an instruction may list the answers, a line each
	}
	for _, text := range instructions {
		for line := range strings.Lines(text + "\n" + fold(text)) {
			if bare == withoutBrackets(line) {
				return refused(placeholderAnswer, answer, "must be an answer, not the instruction")
			}
		}
	}
	return nil
}

// withoutBrackets folds a text and takes brackets and quotes from around it.
func withoutBrackets(text string) string { return strings.Trim(fold(text), " <>[](){}\"'`*_.") }

// notText finds control characters other than a tab, and the mark that stands
// for bytes that were no UTF-8.
func notText(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && r != '\t'
}
