package parent

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pgsrm/remote"
	"pgsrm/remote/completions"
)

// The reasons why an answer is refused beside those of the protocol.
const (
	emptyAnswer       completions.Reason = "empty"
	tooLong           completions.Reason = "too_long"
	severalLines      completions.Reason = "several_lines"
	notJSON           completions.Reason = "not_json"
	wrongField        completions.Reason = "wrong_field" // no text under OUTPUT
	noText            completions.Reason = "not_text"    // control characters, or bytes that are not UTF-8
	placeholderAnswer completions.Reason = "placeholder" // words of the instruction
)

// readAnswer takes the answer out of a choice: one line of at most so many
// characters. The error is a *completions.RefusedError.
func readAnswer(c completions.Choice, format string, limit int) (string, error) {
	content, err := c.Finished()
	if err != nil {
		return "", err
	}
	content = strings.TrimSpace(completions.WithoutThoughts(content))
	if format != formatText && content != "" {
		if content, err = fromJSON(content, format); err != nil {
			return "", err
		}
	}
	return checkAnswer(strings.TrimSpace(content), limit)
}

// fromJSON is the text under OUTPUT. In the format auto one line without a brace
// is taken as it is: the answer of a model that was not held to JSON.
func fromJSON(content, format string) (string, error) {
	if format == formatAuto && !strings.ContainsAny(content, "{}`\n") {
		return content, nil
	}
	var fields map[string]json.RawMessage
	if err := remote.Decode([]byte(completions.WithoutFence(content)), &fields); err != nil {
		return "", completions.Refused(notJSON, content, "must be one JSON object")
	}
	raw, ok := fields[answerKey]
	if !ok {
		return "", completions.Refused(wrongField, content, "must have the key %s", answerKey)
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return "", completions.Refused(wrongField, content, "%s must be a text", answerKey)
	}
	return *text, nil
}

// checkAnswer demands one line of text that is not empty and not too long.
func checkAnswer(answer string, limit int) (string, error) {
	switch n := utf8.RuneCountInString(answer); {
	case answer == "":
		return "", completions.Refused(emptyAnswer, "", "must not be empty")
	case strings.ContainsAny(answer, "\n\r\v\f\u0085\u2028\u2029"):
		return "", completions.Refused(severalLines, answer, "must be one line")
	case strings.ContainsFunc(answer, notText):
		return "", completions.Refused(noText, answer, "must be text")
	case n > limit:
		return "", completions.Refused(tooLong, answer, "must have at most %d characters, not %d", limit, n)
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
		return completions.Refused(placeholderAnswer, answer, "must be an answer, not what stands for one")
	}
	if strings.Count(bare, " ") < 3 {
		return nil // an instruction may list the answers, a line each
	}
	for _, text := range instructions {
		for line := range strings.Lines(text + "\n" + fold(text)) {
			if bare == withoutBrackets(line) {
				return completions.Refused(placeholderAnswer, answer, "must be an answer, not the instruction")
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
