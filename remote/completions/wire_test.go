package completions

import (
	"errors"
	"testing"
)

// FuzzReply: no reply breaks the reader, and what it accepts has one choice with a
// message, which is a text or a refusal.
func FuzzReply(f *testing.F) {
	for _, text := range []string{
		`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2}}`,
		`{"choices":[{"message":{"content":"a"},"finish_reason":"length"}]}`,
		`{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}],"usage":{"prompt_tokens":-1}}`,
		`{"choices":[{}],"usage":null}`,
		`{"choices":[],"error":{"message":"x"}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r reply
		if r.read(text) != nil {
			return
		}
		if len(r.Choices) != 1 || r.Choices[0].Message == nil {
			t.Fatalf("accepted %s", text)
		}
		content, err := r.Choices[0].Finished()
		var refused *RefusedError
		if err != nil && (content != "" || !errors.As(err, &refused)) {
			t.Errorf("got %q, %v", content, err)
		}
	})
}
