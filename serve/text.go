package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// specialToken matches the tokens that tokenizers put around texts.
var specialToken = regexp.MustCompile(`<[|｜][^|｜<>\s]{1,48}[|｜]>|</?s>|<(?:pad|unk|bos|eos|start_of_turn|end_of_turn)>|\[/?INST\]`)

// leadingSpecials is the length of the special tokens that a text begins with.
func leadingSpecials(text string) int {
	n := 0
	for {
		at := specialToken.FindStringIndex(text[n:min(len(text), n+256)]) // no token is longer
		if at == nil || at[0] != 0 {
			return n
		}
		n += at[1]
	}
}

// errNotContinued is the error of a query that does not continue its prompt.
var errNotContinued = errors.New("query: must continue its prompt")

// responseOf takes the prompt off a decoded text, which begins with it, or after special
// tokens with an end of it: prompts are cut on the left. Its time is linear.
func responseOf(query, prompt string) (string, error) {
	if rest, ok := strings.CutPrefix(query, prompt); ok {
		return rest, nil
	}
	query = query[leadingSpecials(query):]
	prompt = prompt[leadingSpecials(prompt):]
	n := overlap(prompt, query)
	if n == 0 {
		return "", errNotContinued
	}
	return query[n:], nil
}

// overlap is the length of the longest end of a that b begins with, by the prefix function
// of Knuth, Morris and Pratt 1977.
func overlap(a, b string) int {
	b = b[:min(len(a), len(b))]
	if b == "" {
		return 0
	}
	border := make([]int32, len(b)) // of b[:i+1]
	for i, k := 1, 0; i < len(b); i++ {
		for k > 0 && b[i] != b[k] {
			k = int(border[k-1])
		}
		if b[i] == b[k] {
			k++
		}
		border[i] = int32(k)
	}
	k := 0
	for i := range len(a) {
		for k > 0 && (k == len(b) || a[i] != b[k]) {
			k = int(border[k-1])
		}
		if a[i] == b[k] {
			k++
		}
	}
	return k
}

// answerText is a response without what its tokenizer wrote: what stands before the first
// end marker, without further special tokens.
func answerText(response string, markers []string) string {
	end := len(response)
	for _, m := range markers {
		if i := strings.Index(response[:end], m); i >= 0 {
			end = i
		}
	}
	response = response[:end]
	if !strings.ContainsAny(response, "<[") {
		return response
	}
	return specialToken.ReplaceAllLiteralString(response, "")
}

// message is one of a conversation. Content is a text or a list of parts.
type message struct {
	Role    string          `json:"role"`
	Type    string          `json:"type"`
	Content json.RawMessage `json:"content"`
}

// promptText is a prompt: a text, or the last message of the user in a list.
func promptText(raw json.RawMessage) (string, error) {
	var text string
	if isText(raw) {
		err := json.Unmarshal(raw, &text)
		return text, err
	}
	var list list[message]
	if err := decode(raw, &list); err != nil {
		return "", fmt.Errorf("must be a text or a list of messages: %w", err)
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Role == "user" {
			return contentText(list[i].Content)
		}
	}
	return "", errors.New("must have a message of the user")
}

// contentText is the content of a message: a text, or the texts of its parts.
func contentText(raw json.RawMessage) (string, error) {
	if isNull(raw) {
		return "", nil
	}
	var text string
	if isText(raw) {
		err := json.Unmarshal(raw, &text)
		return text, err
	}
	var parts list[struct {
		Text *string `json:"text"`
	}]
	if err := decode(raw, &parts); err != nil {
		return "", fmt.Errorf("content must be a text or a list of parts: %w", err)
	}
	var b strings.Builder
	for _, p := range parts {
		if p.Text != nil {
			b.WriteString(*p.Text)
		}
	}
	return b.String(), nil
}

// maxMembers bounds a list or an object whose members are read: in memory a member takes
// many times what its text may take.
const maxMembers = 1 << 16

// list is a JSON list of at most maxMembers.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(text []byte) error {
	if err := checkMembers(text); err != nil {
		return err
	}
	return json.Unmarshal(text, (*[]T)(l))
}

// checkMembers refuses a list or an object that has more than maxMembers, by the commas
// between them.
func checkMembers(text []byte) error {
	n, depth := 1, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				n++
			}
		}
	}
	if n > maxMembers {
		return badf("must have at most %d members (got %d)", maxMembers, n)
	}
	return nil
}

// isText says whether a JSON value is a string.
func isText(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '"' }

// isNull says whether a JSON value is missing or null.
func isNull(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, []byte("null")) }

// label is what a request gives as the reference: a text, a number or a boolean as JSON
// has it, or a list of these, of which all but the first are accepted as well. An empty
// text and null are none.
func label(raw json.RawMessage) (reference *string, accepted []string, err error) {
	if isNull(raw) {
		return nil, nil, nil
	}
	if raw[0] != '[' {
		text, err := scalar(raw)
		if err != nil || text == "" {
			return nil, nil, err
		}
		return &text, nil, nil
	}
	var list list[json.RawMessage]
	if err := decode(raw, &list); err != nil {
		return nil, nil, err
	}
	for i, one := range list {
		text, err := scalar(one)
		switch {
		case err != nil:
			return nil, nil, err
		case i == 0:
			reference = &text
		default:
			accepted = append(accepted, text)
		}
	}
	return reference, accepted, nil
}

// scalar is a JSON value that is a text, a number or a boolean.
func scalar(raw json.RawMessage) (string, error) {
	switch {
	case isText(raw):
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case isNull(raw) || raw[0] == '{' || raw[0] == '[':
		return "", fmt.Errorf("must be a text, a number, true, false or a list of these")
	}
	return string(raw), nil
}
