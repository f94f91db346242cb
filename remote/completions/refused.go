package completions

import (
	"fmt"
	"strings"
)

// Reason names why a reply was refused.
type Reason string

// The reasons that the protocol has; those who ask have more of their own.
const (
	Declined   Reason = "refusal"    // the model declined
	CutShort   Reason = "cut_short"  // finish_reason length: max_tokens was too few
	Filtered   Reason = "filtered"   // finish_reason content_filter
	Unfinished Reason = "unfinished" // any other finish_reason than stop
)

// RefusedError is a reply that came and cannot be used. It is not asked for again in
// the same words: the same request would bring the same.
type RefusedError struct {
	Reason Reason
	Text   string // what must hold
	Answer string // the beginning of what came; may be empty
}

// Error says what must hold and what came.
func (e *RefusedError) Error() string {
	if e.Answer == "" {
		return "answer refused: " + e.Text
	}
	return fmt.Sprintf("answer refused: %s (got %q)", e.Text, e.Answer)
}

// Refused makes a RefusedError that shows the beginning of the answer.
func Refused(r Reason, answer, format string, args ...any) *RefusedError {
	const most = 80
	if runes := []rune(answer); len(runes) > most {
		answer = string(runes[:most]) + "..."
	}
	return &RefusedError{Reason: r, Text: fmt.Sprintf(format, args...), Answer: answer}
}

// Finished is the content of a choice that ended as it should. Its error is a
// *RefusedError.
func (c Choice) Finished() (string, error) {
	content := ""
	if c.Message.Content != nil {
		content = *c.Message.Content
	}
	switch {
	case c.Message.Refusal != nil && *c.Message.Refusal != "":
		return "", Refused(Declined, *c.Message.Refusal, "the model must not decline")
	case c.FinishReason == "length":
		return "", Refused(CutShort, content, "must end within max_tokens")
	case c.FinishReason == "content_filter":
		return "", Refused(Filtered, content, "must pass the server's filter")
	case c.FinishReason != "stop":
		return "", Refused(Unfinished, content, "finish_reason must be stop, not %q", c.FinishReason)
	}
	return content, nil
}

// WithoutThoughts drops what a model thinks aloud before its answer, where the server
// leaves it in the content.
func WithoutThoughts(content string) string {
	if rest, found := strings.CutPrefix(strings.TrimSpace(content), "<think>"); found {
		if _, answer, closed := strings.Cut(rest, "</think>"); closed {
			return answer
		}
	}
	return content
}

// WithoutFence drops the fence that models put around code.
func WithoutFence(content string) string {
	if rest, ok := strings.CutPrefix(content, "```"); ok {
		if body, ok := strings.CutSuffix(strings.TrimSpace(rest), "```"); ok {
			return strings.TrimPrefix(strings.TrimSpace(body), "json")
		}
	}
	return content
}
