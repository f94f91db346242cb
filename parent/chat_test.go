package parent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgsrm/remote"
	"pgsrm/remote/completions"
	"pgsrm/remote/remotetest"
	"pgsrm/task"
)

const testKey = "sk-test-0123456789abcdef"

var opposites = &task.Task{Name: "opposites", Kind: task.Lexical, System: "Give the opposite.", Items: items}

// chatServer is a mock of the protocol: it answers by the last word in quotes.
type chatServer struct {
	*remotetest.Server
	clock *remotetest.Clock

	mu     sync.Mutex
	bodies []map[string]any                      // requests
	refuse func(body map[string]any) string      // message of a 400; "" = none
	answer func(word string, schema bool) string // the content of the reply
	told   []string                              // warnings
}

func newChatServer(t *testing.T) *chatServer {
	s := &chatServer{clock: remotetest.NewClock()}
	s.answer = func(word string, _ bool) string { return fmt.Sprintf(`{"OUTPUT":"not %s"}`, word) }
	s.Server = remotetest.New(t, s.handle)
	return s
}

func (s *chatServer) handle(w http.ResponseWriter, r *http.Request) {
	body := map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.bodies = append(s.bodies, body)
	s.mu.Unlock()
	if s.refuse != nil {
		if why := s.refuse(body); why != "" {
			remotetest.Status(400, fmt.Sprintf(`{"error":{"message":%q}}`, why))(w, r, nil)
			return
		}
	}
	messages := body["messages"].([]any)
	user := messages[len(messages)-1].(map[string]any)["content"].(string)
	_, schema := body["response_format"]
	remotetest.Body(chatBody(s.answer(strings.Split(user, "'")[1], schema), "stop"))(w, r, nil)
}

// chatBody is a reply with that content.
func chatBody(content, finish string) string {
	text, _ := json.Marshal(content)
	return fmt.Sprintf(`{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"let me think","content":%s,"refusal":null},"finish_reason":%q}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`, text, finish)
}

// open makes the parent; change may be nil.
func (s *chatServer) open(t *testing.T, change func(*ChatOptions)) *Chat {
	t.Helper()
	o := DefaultChatOptions()
	o.Server.Concurrency = 1 // one after the other, so that waits have an order
	if change != nil {
		change(&o)
	}
	c, err := newChat("m@"+s.URL(), opposites, o, func(text string) { s.told = append(s.told, text) }, s.clock.Deps(map[string]string{"OPENAI_API_KEY": testKey}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var proper = []Result{{Answer: "not hot"}, {Answer: "not big"}, {Answer: "not wet"}}

// The request has the documented form, and the parameters that were set.
func TestChatRequest(t *testing.T) {
	s := newChatServer(t)
	c := s.open(t, func(o *ChatOptions) {
		o.System, o.User, o.Seed, o.Format = "{instruction} Be brief.", "{input}: '{input}' {prompt}", 7, formatSchema
	})
	if d := cmp.Diff(proper[:1], c.Answers(t.Context(), items[:1])); d != "" {
		t.Error(d)
	}
	want := map[string]any{
		"model": "m", "temperature": 0.0, "seed": 7.0, "max_tokens": 256.0,
		"messages": []any{
			map[string]any{"role": "system", "content": "Give the opposite. Be brief.\n" + jsonInstruction},
			map[string]any{"role": "user", "content": "hot: 'hot' The opposite of 'hot' is "},
		},
		"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{
			"name": "answer", "strict": true, "schema": map[string]any{
				"type": "object", "properties": map[string]any{"OUTPUT": map[string]any{"type": "string"}},
				"required": []any{"OUTPUT"}, "additionalProperties": false,
			},
		}},
	}
	if d := cmp.Diff(want, s.bodies[0]); d != "" {
		t.Error(d)
	}
}

// A prompt that looks like a template is text.
func TestTemplatesFillOnce(t *testing.T) {
	c := newChatServer(t).open(t, func(o *ChatOptions) { o.Format, o.System = formatText, "" })
	got := c.messages(task.Item{Prompt: "say {input} {instruction}", Input: "x"})
	if d := cmp.Diff([]completions.Message{completions.User("say {input} {instruction}")}, got); d != "" {
		t.Error(d)
	}
}

// Every fault that passes leaves the answers as they would have been.
func TestPassingFaultsLeaveNoTrace(t *testing.T) {
	twice := func(key, value string) remotetest.Fault {
		return remotetest.Body(`{"` + key + `":` + value + `,` + strings.TrimPrefix(chatBody(`{"OUTPUT":"fault"}`, "stop"), "{"))
	}
	s := newChatServer(t)
	for _, c := range []struct {
		name  string
		fault remotetest.Fault
		kind  remote.Kind
	}{
		{"hang", s.Hang, remote.Timeout},
		{"slow bytes", s.Slow, remote.Timeout},
		{"reset", remotetest.Reset, remote.Connection},
		{"cut in mid-reply", remotetest.CutMidReply, remote.Cut},
		{"429", remotetest.Status(429, `{"error":{"message":"busy"}}`), remote.RateLimited},
		{"429 seconds", remotetest.Status(429, "", "Retry-After", "3"), remote.RateLimited},
		{"429 date", remotetest.Status(429, "", "Retry-After", s.clock.Now().Add(time.Minute).Format(http.TimeFormat)), remote.RateLimited},
		{"500", remotetest.Status(500, "x"), remote.Server},
		{"502", remotetest.Status(502, "<html>"), remote.Server},
		{"503", remotetest.Status(503, "x"), remote.Server},
		{"truncated JSON", remotetest.Truncated, remote.Reply},
		{"HTML", remotetest.HTML, remote.Reply},
		{"no choice", remotetest.Body(`{"choices":[]}`), remote.Reply},
		{"two choices", remotetest.Body(`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"},{"message":{"content":"b"},"finish_reason":"stop"}]}`), remote.Reply},
		{"no message", remotetest.Body(`{"choices":[{"finish_reason":"stop"}]}`), remote.Reply},
		{"error with status 200", remotetest.Body(`{"error":{"message":"upstream","code":502}}`), remote.Reply},
		{"duplicate key", twice("choices", "[]"), remote.Reply},
		{"negative usage", remotetest.Body(`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":-1}}`), remote.Reply},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.open(t, func(o *ChatOptions) {
				if c.kind == remote.Timeout {
					o.Server.TimeoutS = 0.2
				}
			})
			s.Next(c.fault)
			if d := cmp.Diff(proper, p.Answers(t.Context(), items)); d != "" {
				t.Error(d)
			}
			n := p.Counts()
			if n.Server.Faults[c.kind] != 1 || n.Server.Retries != 1 || n.Server.Requests != 4 || len(n.Server.Failures) != 0 || n.TokensSent != 30 || n.TokensReceived != 6 {
				t.Errorf("got %+v", n)
			}
		})
	}
}

// A fault that stays is the error of every prompt, never an answer.
func TestLastingFaultsAreErrors(t *testing.T) {
	s := newChatServer(t)
	elsewhere := remotetest.New(t, func(http.ResponseWriter, *http.Request) { t.Error("another host must not be asked") })
	for _, c := range []struct {
		name  string
		fault remotetest.Fault
		kind  remote.Kind
		want  string // after the address
	}{
		{"hang", s.Hang, remote.Timeout, "timeout: no whole reply in time (after 2 attempts)"},
		{"slow bytes", s.Slow, remote.Timeout, "timeout, status 200: no whole reply in time (after 2 attempts)"},
		{"429", remotetest.Status(429, `{"error":{"message":"quota of key `+testKey+`"}}`), remote.RateLimited, `rate limited, status 429: "quota of key [key]" (after 2 attempts)`},
		{"401", remotetest.Status(401, `{"error":{"message":"who are you"}}`), remote.Auth, `auth, status 401: "who are you"`},
		{"404", remotetest.Status(404, `{"error":{"message":"model 'm' not found"}}`), remote.Rejected, `rejected, status 404: "model 'm' not found"`},
		{"HTML", remotetest.HTML, remote.Reply, `reply, status 200: reply must be JSON (got a page of HTML): "<!DOCTYPE html><html><body>Service temporarily elsewhere</body></html>" (after 2 attempts)`},
		{"no choice", remotetest.Body(`{"choices":[]}`), remote.Reply, `reply, status 200: reply must have one choice (got 0): "{\"choices\":[]}" (after 2 attempts)`},
		{"100 MB", remotetest.Huge(100 << 20), remote.TooLarge, "too large, status 200: reply must have at most 64 MB"},
		{"redirect", remotetest.RedirectTo(elsewhere.URL() + "/v1"), remote.Redirect, "redirect: must not lead to another host (got " + elsewhere.URL() + ")"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.open(t, func(o *ChatOptions) {
				o.Server.Attempts = 2
				if c.kind == remote.Timeout {
					o.Server.TimeoutS = 0.1
				}
			})
			s.Always(c.fault)
			defer s.Always(nil)
			for i, r := range p.Answers(t.Context(), items[:2]) {
				want := fmt.Sprintf("parent: item %q: %s/v1/chat/completions: %s", items[i].ID, s.URL(), c.want)
				if r.Answer != "" || r.Err == nil || r.Err.Error() != want {
					t.Errorf("got  %q, %v\nwant %s", r.Answer, r.Err, want)
				}
			}
			if n := p.Counts().Server; n.Failures[c.kind] != 2 {
				t.Errorf("got %+v", n)
			}
		})
	}
}

// A server that is gone for a while: its prompts fail, and are answered later.
func TestChatServerDiesAndComesBack(t *testing.T) {
	s := newChatServer(t)
	p := newMemo(s.open(t, nil))
	first := p.Answers(t.Context(), items[:1])
	s.Stop()
	for i, r := range p.Answers(t.Context(), items) {
		if (r.Err == nil) != (i == 0) || r.Err != nil && (r.Answer != "" || !strings.HasSuffix(r.Err.Error(), " (after 8 attempts)")) {
			t.Errorf("item %d: got %q, %v", i, r.Answer, r.Err)
		}
	}
	s.Start()
	if d := cmp.Diff(proper, p.Answers(t.Context(), items)); d != "" || first[0] != proper[0] {
		t.Error(d)
	}
}

// What cannot be used is refused with a reason, and asked for once.
func TestRefusedAnswers(t *testing.T) {
	reply := func(content string) string { return chatBody(content, "stop") }
	for _, c := range []struct {
		name, body string
		reason     completions.Reason
		want       string
	}{
		{"empty", reply(""), emptyAnswer, `must not be empty`},
		{"null", `{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}`, emptyAnswer, `must not be empty`},
		{"empty in JSON", reply(`{"OUTPUT":"  "}`), emptyAnswer, `must not be empty`},
		{"too long", reply(`{"OUTPUT":"` + strings.Repeat("é", 61) + `"}`), tooLong, `must have at most 60 characters, not 61 (got "` + strings.Repeat("é", 61) + `")`},
		{"lines", reply(`{"OUTPUT":"a\nb"}`), severalLines, `must be one line (got "a\nb")`},
		{"not JSON", reply("Sure! {OUTPUT: cold}"), notJSON, `must be one JSON object (got "Sure! {OUTPUT: cold}")`},
		{"lines of text", reply("cold\nOr cool."), notJSON, `must be one JSON object (got "cold\nOr cool.")`},
		{"JSON and more", reply(`{"OUTPUT":"a"} done`), notJSON, `must be one JSON object (got "{\"OUTPUT\":\"a\"} done")`},
		{"duplicate key", reply(`{"OUTPUT":"a","OUTPUT":"b"}`), notJSON, `must be one JSON object (got "{\"OUTPUT\":\"a\",\"OUTPUT\":\"b\"}")`},
		{"wrong field", reply(`{"output":"a"}`), wrongField, `must have the key OUTPUT (got "{\"output\":\"a\"}")`},
		{"number", reply(`{"OUTPUT":7}`), wrongField, `OUTPUT must be a text (got "{\"OUTPUT\":7}")`},
		{"null field", reply(`{"OUTPUT":null}`), wrongField, `OUTPUT must be a text (got "{\"OUTPUT\":null}")`},
		{"control", reply(`{"OUTPUT":"a\u0007"}`), noText, `must be text (got "a\a")`},
		{"refusal", `{"choices":[{"message":{"content":null,"refusal":"I cannot help with that"},"finish_reason":"stop"}]}`, completions.Declined, `the model must not decline (got "I cannot help with that")`},
		{"length", chatBody(`{"OUTPUT":"co`, "length"), completions.CutShort, `must end within max_tokens (got "{\"OUTPUT\":\"co")`},
		{"filter", chatBody("", "content_filter"), completions.Filtered, `must pass the server's filter`},
		{"tool", chatBody("", "tool_calls"), completions.Unfinished, `finish_reason must be stop, not "tool_calls"`},
		{"thoughts without end", reply("<think>hm {"), notJSON, `must be one JSON object (got "<think>hm {")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newChatServer(t)
			p := s.open(t, nil)
			s.Always(remotetest.Body(c.body))
			r := p.Answers(t.Context(), items[:1])[0]
			want := `parent: item "a": answer refused: ` + c.want
			if r.Answer != "" || r.Err == nil || r.Err.Error() != want {
				t.Errorf("got  %q, %v\nwant %s", r.Answer, r.Err, want)
			}
			if n := p.Counts(); n.Refused[c.reason] != 1 || n.Server.Requests != 1 {
				t.Errorf("got %+v", n)
			}
		})
	}
}

func TestAcceptedForms(t *testing.T) {
	for _, c := range []struct{ format, content, want string }{
		{formatAuto, " {\"OUTPUT\": \" cold \"}\n", "cold"},
		{formatAuto, "```json\n{\"OUTPUT\": \"cold\"}\n```", "cold"},
		{formatAuto, `{"why":"it is","OUTPUT":"c\u006fld"}`, "cold"},
		{formatAuto, "cold", "cold"},
		{formatAuto, "<think>\nhot, so {}\n</think>\n\ncold", "cold"},
		{formatJSON, "<think>hot</think>{\"OUTPUT\":\"cold\"}", "cold"},
		{formatText, " {cold} \n", "{cold}"},
	} {
		ch := completions.Choice{Message: &completions.Reply{Content: &c.content}, FinishReason: "stop"}
		if got, err := readAnswer(ch, c.format, 60); err != nil || got != c.want {
			t.Errorf("%s %q: got %q, %v, want %q", c.format, c.content, got, err, c.want)
		}
	}
	bare := "cold"
	if _, err := readAnswer(completions.Choice{Message: &completions.Reply{Content: &bare}, FinishReason: "stop"}, formatJSON, 60); err == nil {
		t.Error("json: must refuse a bare word")
	}
}

// A server that knows no schema is asked without from then on, and the user is
// told once; one that was told to use a schema alone is not.
func TestFallsBackFromSchema(t *testing.T) {
	s := newChatServer(t)
	s.refuse = func(body map[string]any) string {
		if body["response_format"] != nil {
			return "response_format: json_schema is not supported"
		}
		return ""
	}
	p := s.open(t, nil)
	for range 2 {
		if d := cmp.Diff(proper, p.Answers(t.Context(), items)); d != "" {
			t.Error(d)
		}
	}
	if want := []string{p.Identity() + " refuses a JSON schema: answers are asked for as JSON by instruction"}; s.Requests() != 7 || cmp.Diff(want, s.told) != "" {
		t.Errorf("got %d requests and told %q", s.Requests(), s.told)
	}
	strict := s.open(t, func(o *ChatOptions) { o.Format = formatSchema })
	if r := strict.Answers(t.Context(), items[:1])[0]; r.Err == nil || !strings.HasSuffix(r.Err.Error(), `rejected, status 400: "response_format: json_schema is not supported"`) {
		t.Errorf("got %v", r.Err)
	}
}

// Where a request is refused for another reason, the schema stays.
func TestOtherRefusalsKeepTheSchema(t *testing.T) {
	s := newChatServer(t)
	s.refuse = func(body map[string]any) string {
		if strings.Contains(fmt.Sprint(body["messages"]), "'big'") {
			return "prompt is too long"
		}
		return ""
	}
	got := s.open(t, nil).Answers(t.Context(), items)
	if got[0] != proper[0] || got[1].Err == nil || got[2] != proper[2] || s.bodies[len(s.bodies)-1]["response_format"] == nil {
		t.Errorf("got %v", got)
	}
}

func TestLearnsTheNameOfTheLimit(t *testing.T) {
	s := newChatServer(t)
	s.refuse = func(body map[string]any) string {
		if body["max_tokens"] != nil {
			return "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
		}
		return ""
	}
	if d := cmp.Diff(proper, s.open(t, nil).Answers(t.Context(), items)); d != "" || s.Requests() != 4 {
		t.Errorf("got %d requests, %s", s.Requests(), d)
	}
}

func TestCost(t *testing.T) {
	s := newChatServer(t)
	p := s.open(t, func(o *ChatOptions) { o.PriceInput, o.PriceOutput = 150, 600 })
	p.Answers(t.Context(), items)
	if n, ok := CountsOf(newMemo(p)); !ok || n.Cost != 30*150e-6+6*600e-6 {
		t.Errorf("got %+v, %v", n, ok)
	}
	if _, ok := CountsOf(newMemo(tableParent{})); ok {
		t.Error("a table counts nothing")
	}
}

// The key of the cache changes with all that can change an answer, and with
// nothing else.
func TestChatIdentity(t *testing.T) {
	s := newChatServer(t)
	base := s.open(t, nil)
	for name, c := range map[string]struct {
		change func(*ChatOptions)
		same   bool
	}{
		"nothing":     {nil, true},
		"limits":      {func(o *ChatOptions) { o.Server.Attempts, o.PriceInput = 3, 9 }, true},
		"system":      {func(o *ChatOptions) { o.System = "x" }, false},
		"temperature": {func(o *ChatOptions) { o.Temperature = 0.5 }, false},
		"seed":        {func(o *ChatOptions) { o.Seed = 1 }, false},
		"format":      {func(o *ChatOptions) { o.Format = formatText }, false},
		"max_tokens":  {func(o *ChatOptions) { o.MaxTokens = 9 }, false},
		"max_answer":  {func(o *ChatOptions) { o.MaxAnswer = 9 }, false},
	} {
		p := s.open(t, c.change)
		if same := p.Request(items[0]) == base.Request(items[0]) && p.Identity() == base.Identity(); same != c.same {
			t.Errorf("%s: same key %v, want %v", name, same, c.same)
		}
	}
	if got, want := base.Identity(), "openai:m@"+s.URL()+"/v1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := s.open(t, func(o *ChatOptions) { o.Name = "lab" }).Identity(); got != "openai:m@lab" {
		t.Errorf("got %s", got)
	}
}

func TestChatOptions(t *testing.T) {
	for want, change := range map[string]func(*ChatOptions){
		"system: placeholder must be one of {instruction}, {prompt}, {input} (got {task})": func(o *ChatOptions) { o.System = "{task}" },
		`user: must hold {prompt} or {input} (got "hello")`:                                func(o *ChatOptions) { o.User = "hello" },
		`format: must be one of auto, schema, json, text (got "xml")`:                      func(o *ChatOptions) { o.Format = "xml" },
		"temperature: must be between -1 and 2 (got 3)":                                    func(o *ChatOptions) { o.Temperature = 3 },
		"max_tokens: must be between 1 and 1048576 (got 0)":                                func(o *ChatOptions) { o.MaxTokens = 0 },
		"max_answer: must be between 0 and 1000000 (got -1)":                               func(o *ChatOptions) { o.MaxAnswer = -1 },
		"price_input: must be between 0 and 1000000000 (got -1)":                           func(o *ChatOptions) { o.PriceInput = -1 },
		"server.attempts: must be between 1 and 1000 (got 0)":                              func(o *ChatOptions) { o.Server.Attempts = 0 },
	} {
		o := DefaultChatOptions()
		change(&o)
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestOpenChat(t *testing.T) {
	noKey := Options{Remote: remote.Deps{Getenv: func(string) string { return "" }}}
	for spec, want := range map[string]string{
		"openai:gpt-4o-mini":              "parent: openai: https://api.openai.com/v1 needs a key in the environment variable OPENAI_API_KEY",
		"openai:":                         `parent: openai: must be MODEL@URL or MODEL (got "")`,
		"openai:m@http://u:secret@h":      `parent: openai: url: must not have a user, a password or a query, keys belong into the environment (got "http://[redacted]@h")`,
		"opnai:m@http://u:secret@h?k=key": `parent: must be one of builtin, file:PATH, openai:MODEL@URL, hf:ORG/NAME, a GGUF file or a folder (got "opnai:m@http://[redacted]@h?[redacted]")`,
	} {
		if _, err := Open(spec, opposites, noKey); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", spec, err, want)
		}
	}
	p, err := Open("openai:m@http://localhost:8000", opposites, noKey)
	if err != nil || p.Identity() != "openai:m@http://localhost:8000/v1" {
		t.Errorf("got %v, %v", p, err)
	}
}

// No error and no print of the parent shows the key.
func TestKeyIsNotShown(t *testing.T) {
	s := newChatServer(t)
	p := s.open(t, nil)
	s.Always(remotetest.Status(401, `{"error":{"message":"Incorrect API key provided: `+testKey+`."}}`))
	r := p.Answers(t.Context(), items[:1])[0]
	var e *remote.Error
	if !errors.As(r.Err, &e) {
		t.Fatalf("got %v", r.Err)
	}
	for _, text := range []string{r.Err.Error(), fmt.Sprintf("%+v %#v", e, e), fmt.Sprintf("%+v %#v", p, p), p.Identity(), p.Request(items[0])} {
		if strings.Contains(text, testKey) {
			t.Errorf("shows the key: %s", text)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	for _, content := range []string{`{"OUTPUT":"a"}`, "```json\n{}\n```", "<think>x</think>a", "```", "", "{\"OUTPUT\":\"\\ud800\"}"} {
		f.Add(content, formatAuto)
	}
	f.Add("a\tb", formatText)
	f.Fuzz(func(t *testing.T, content, format string) {
		got, err := readAnswer(completions.Choice{Message: &completions.Reply{Content: &content}, FinishReason: "stop"}, format, 20)
		var refused *completions.RefusedError
		if err == nil && (got == "" || strings.ContainsAny(got, "\n\r") || len([]rune(got)) > 20) || err != nil && !errors.As(err, &refused) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// A conversation is sent turn by turn, its system message behind that of the configuration.
func TestConversationsAreSentInTurns(t *testing.T) {
	c := newChatServer(t).open(t, func(o *ChatOptions) { o.Format, o.System, o.User = formatText, "Be brief.", "{prompt}!" })
	got := c.messages(task.Item{Prompt: "s\nhot\ncold\nbig", Input: "big", Messages: []task.Message{
		{Role: "system", Content: "Opposites."}, {Role: "user", Content: "hot"}, {Role: "assistant", Content: "cold"}, {Role: "user", Content: "big"},
	}})
	want := []completions.Message{completions.System("Be brief.\nOpposites."), completions.User("hot"), completions.Assistant("cold"), completions.User("big!")}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
