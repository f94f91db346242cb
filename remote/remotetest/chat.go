package remotetest

import (
	"encoding/json"
	"net/http"
)

// Chat is a chat server that behaves: it gives each user message its answer, as
// JSON under OUTPUT, and counts ten tokens in and two out.
func Chat(answer func(user string) string) http.HandlerFunc {
	return Talk(func(turns []string) string {
		content, err := json.Marshal(map[string]string{"OUTPUT": answer(turns[len(turns)-1])})
		if err != nil {
			panic(err) // texts always are JSON
		}
		return string(content)
	})
}

// Talk is a chat server whose replies are texts: say gets what was said so far, the
// system message first where there is one.
func Talk(say func(turns []string) string) http.HandlerFunc {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Messages []message `json:"messages"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Messages) == 0 {
			http.Error(w, "body must have messages", http.StatusBadRequest)
			return
		}
		var turns []string
		for _, m := range body.Messages {
			turns = append(turns, m.Content)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"choices": []any{map[string]any{"message": message{"assistant", say(turns)}, "finish_reason": "stop"}},
			"usage":   map[string]int{"prompt_tokens": 10, "completion_tokens": 2},
		})
	}
}
