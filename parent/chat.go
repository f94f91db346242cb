package parent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"pgsrm/hf"
	"pgsrm/remote"
	"pgsrm/task"
)

// Chat is a parent behind the protocol of OpenAI's chat completions, which
// OpenAI, vLLM, llama.cpp, Ollama and LM Studio answer. A prompt that the server
// does not answer, or answers in a form that cannot be used, is an error of that
// prompt. It is safe for concurrent use.
type Chat struct {
	model       string
	instruction string // of the task
	limit       int    // characters of an answer
	opt         ChatOptions
	client      *remote.Client
	warn        func(text string)

	mu      sync.Mutex
	dialect dialect
	counts  Counts
}

// newChat makes the parent that a spec "MODEL@URL" names for a task. Nothing is
// sent yet. Errors name no secrets.
func newChat(spec string, t *task.Task, o ChatOptions, warn func(text string), deps remote.Deps) (*Chat, error) {
	model, base, err := remote.ParseModel(spec)
	if err != nil {
		return nil, fmt.Errorf("parent: openai: %w", err)
	}
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("parent: chat.%w", err)
	}
	client, err := remote.New(base, o.Server, deps)
	if err != nil {
		return nil, fmt.Errorf("parent: openai: %w", err)
	}
	if base == remote.OpenAIURL && !client.HasKey() {
		return nil, fmt.Errorf("parent: openai: %s needs a key in the environment variable %s", base, o.Server.KeyEnv)
	}
	if warn == nil {
		warn = func(string) {}
	}
	return &Chat{
		model: model, instruction: t.System, limit: o.maxAnswer(t.Kind), opt: o, client: client, warn: warn,
		dialect: firstDialect(base, o.Format), counts: Counts{Refused: map[Reason]int64{}},
	}, nil
}

// Identity is the model and its server.
func (c *Chat) Identity() string {
	server := c.opt.Name
	if server == "" {
		server = c.client.URL()
	}
	return "openai:" + c.model + "@" + server
}

// Request is everything that decides the answer beside the model: the messages,
// the parameters and what is refused.
func (c *Chat) Request(it task.Item) string {
	text, err := json.Marshal(struct {
		Messages    []message `json:"messages"`
		Format      string    `json:"format"`
		Temperature float64   `json:"temperature"`
		Seed        int64     `json:"seed"`
		MaxTokens   int       `json:"max_tokens"`
		MaxAnswer   int       `json:"max_answer"`
	}{c.messages(it), c.opt.Format, c.opt.Temperature, c.opt.Seed, c.opt.MaxTokens, c.limit})
	if err != nil {
		return "" // texts and finite numbers can always be written
	}
	return string(text)
}

// Answers asks the server about every item, as many at once as it may be asked.
func (c *Chat) Answers(ctx context.Context, items []task.Item) []Result {
	out := make([]Result, len(items))
	c.client.Each(len(items), func(i int) {
		answer, err := c.answer(ctx, items[i])
		if err != nil {
			out[i].Err = itemError(items[i], err)
			return
		}
		out[i].Answer = answer
	})
	return out
}

// answer asks about one item and reads the answer.
func (c *Chat) answer(ctx context.Context, it task.Item) (string, error) {
	reply, err := c.ask(ctx, it)
	if err != nil {
		return "", err
	}
	c.meter(reply.Usage)
	answer, err := readAnswer(reply.Choices[0], c.opt.Format, c.limit)
	if err == nil {
		err = checkRepeats(answer, c.instruction, c.opt.System, jsonInstruction)
	}
	var refused *refusedError
	if errors.As(err, &refused) {
		c.refuse(refused.Reason)
	}
	return answer, err
}

// ask sends the request in the dialect that the server is known to accept, and
// where it refuses that in the next one. What it accepts is remembered.
func (c *Chat) ask(ctx context.Context, it task.Item) (reply chatReply, err error) {
	messages := c.messages(it)
	for d := c.spoken(); ; {
		body := c.body(messages, d)
		err = c.client.Do(ctx, remote.Call{
			Path: "/chat/completions", Body: body, Tokens: estimateTokens(messages) + c.opt.MaxTokens, Check: reply.read,
		})
		if err == nil {
			c.learn(d)
			return reply, nil
		}
		simpler, ok := d.simpler(err, c.opt.Format)
		if !ok {
			return reply, err
		}
		d = simpler
	}
}

// messages fills the templates. What was said before the last message of a conversation
// comes as it is, its system message behind that of the configuration.
func (c *Chat) messages(it task.Item) []message {
	prompt := it.Prompt
	before, turns := hf.TurnsOf(it.Messages)
	if n := len(turns); n > 0 {
		prompt = turns[n-1].User
	}
	fill := strings.NewReplacer("{instruction}", c.instruction, "{prompt}", prompt, "{input}", it.Input)
	system := strings.TrimSpace(fill.Replace(c.opt.System))
	system = strings.TrimSpace(system + "\n" + before)
	if c.opt.Format != formatText {
		system = strings.TrimSpace(system + "\n" + jsonInstruction)
	}
	all := []message{{"system", system}}
	for i, t := range turns {
		if i < len(turns)-1 {
			all = append(all, message{"user", t.User}, message{"assistant", t.Answer})
		}
	}
	all = append(all, message{"user", fill.Replace(c.opt.User)})
	return slices.DeleteFunc(all, func(m message) bool { return m.Content == "" })
}

// dialect is what servers of the protocol differ in.
type dialect struct {
	schema     bool // response_format is understood
	completion bool // the limit is named max_completion_tokens; all but OpenAI know max_tokens
}

// firstDialect is what a server is tried with.
func firstDialect(base, format string) dialect {
	return dialect{schema: format == formatAuto || format == formatSchema, completion: base == remote.OpenAIURL}
}

// simpler is the dialect to try after a refusal that the other may explain.
func (d dialect) simpler(err error, format string) (dialect, bool) {
	var e *remote.Error
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest && e.Status != http.StatusUnprocessableEntity {
		return d, false
	}
	switch {
	case !d.completion && strings.Contains(e.Excerpt, "max_completion_tokens"):
		d.completion = true
	case d.schema && format == formatAuto:
		d.schema = false
	default:
		return d, false
	}
	return d, true
}

// spoken is the dialect known to work, or the first one.
func (c *Chat) spoken() dialect {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialect
}

// learn remembers a dialect that worked, and says once what was given up.
func (c *Chat) learn(d dialect) {
	c.mu.Lock()
	old := c.dialect
	c.dialect.schema = c.dialect.schema && d.schema
	c.dialect.completion = c.dialect.completion || d.completion
	c.mu.Unlock()
	if old.schema && !d.schema {
		c.warn(c.Identity() + " refuses a JSON schema: answers are asked for as JSON by instruction")
	}
}
