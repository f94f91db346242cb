package task

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Message is one turn of a conversation, as OpenAI's API and TRL write it.
type Message struct {
	Role    string `json:"role"` // system, user or assistant
	Content string `json:"content"`
}

// maxMessages bounds a conversation.
const maxMessages = 10_000

// messagesOf reads a conversation of at least one message. The content of one is a text
// or a list of parts of type text.
func messagesOf(raw json.RawMessage) ([]Message, error) {
	var turns []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(raw, &turns); err != nil {
		return nil, fmt.Errorf("must be a list of messages with role and content (got %s)", excerpt(raw))
	}
	if len(turns) == 0 || len(turns) > maxMessages {
		return nil, fmt.Errorf("must have 1 to %d messages (got %d)", maxMessages, len(turns))
	}
	out := make([]Message, len(turns))
	for i, t := range turns {
		switch t.Role {
		case "system", "user", "assistant":
		case "developer": // OpenAI's newer name
			t.Role = "system"
		default:
			return nil, fmt.Errorf("message %d: role must be system, user or assistant (got %q)", i+1, t.Role)
		}
		text, err := contentOf(t.Content)
		if err != nil {
			return nil, fmt.Errorf("message %d: content %w", i+1, err)
		}
		out[i] = Message{t.Role, text}
	}
	return out, nil
}

// contentOf is the text of a message.
func contentOf(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || raw[0] != '[' {
		if len(raw) == 0 {
			return "", fmt.Errorf("must be a string (got none)")
		}
		return stringOf(raw)
	}
	var parts []struct {
		Type string          `json:"type"`
		Text json.RawMessage `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", fmt.Errorf("must be a string or a list of parts (got %s)", excerpt(raw))
	}
	var b strings.Builder
	for _, p := range parts {
		if p.Type != "text" || len(p.Text) == 0 {
			return "", fmt.Errorf("must have parts of type text alone (got %q)", p.Type)
		}
		text, err := stringOf(p.Text)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// converse makes a conversation the prompt: one that a system message may begin, in which
// user and assistant take turns, and which the user ends. The text of the prompt is that
// of its messages, a line break between them.
func (it *Item) converse(all []Message) error {
	turns := all
	if len(turns) > 0 && turns[0].Role == "system" {
		turns = turns[1:]
	}
	if len(turns)%2 == 0 {
		return fmt.Errorf("must have a message of the user last, before the answer")
	}
	texts := make([]string, len(all))
	for i, m := range all {
		texts[i] = m.Content
	}
	for i, m := range turns {
		if want := []string{"user", "assistant"}[i%2]; m.Role != want {
			return fmt.Errorf("user and assistant must take turns, after a system message if there is one (message %d is of %s)", len(all)-len(turns)+i+1, m.Role)
		}
	}
	it.Prompt = strings.Join(texts, "\n")
	if len(all) > 1 {
		it.Messages = all
		it.Input = all[len(all)-1].Content
	}
	return nil
}
