package parent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pgsrm/hf"
	"pgsrm/remote"
	"pgsrm/remote/completions"
	"pgsrm/task"
)

// answerKey is the one key of an answer in JSON, as in the paper's notebooks.
const answerKey = "OUTPUT"

// jsonInstruction follows the system message where an answer is JSON: a schema
// alone is not told to the model by every server. It shows no object to fill in:
// small models repeat what stands in the place of the answer.
const jsonInstruction = `Reply only with a JSON object that has one key, "OUTPUT", and under it the answer to the request as text.`

// Chat is a parent behind the protocol of OpenAI's chat completions (package completions). A
// prompt that the server does not answer, or answers in a form that cannot be used, is an
// error of that prompt. It is safe for concurrent use.
type Chat struct {
	*completions.Client
	instruction string // of the task
	limit       int    // characters of an answer
	opt         ChatOptions
}

// newChat makes the parent that a spec "MODEL@URL" names for a task. Nothing is
// sent yet. Errors name no secrets.
func newChat(spec string, t *task.Task, o ChatOptions, warn func(text string), deps remote.Deps) (*Chat, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("parent: chat.%w", err)
	}
	client, err := completions.New(spec, o.client(), warn, deps)
	if err != nil {
		return nil, fmt.Errorf("parent: openai: %w", err)
	}
	return &Chat{Client: client, instruction: t.System, limit: o.maxAnswer(t.Kind), opt: o}, nil
}

// Request is everything that decides the answer beside the model: the messages,
// the parameters and what is refused.
func (c *Chat) Request(it task.Item) string {
	text, err := json.Marshal(struct {
		Messages    []completions.Message `json:"messages"`
		Format      string                `json:"format"`
		Temperature float64               `json:"temperature"`
		Seed        int64                 `json:"seed"`
		MaxTokens   int                   `json:"max_tokens"`
		MaxAnswer   int                   `json:"max_answer"`
	}{c.messages(it), c.opt.Format, c.opt.Temperature, c.opt.Seed, c.opt.MaxTokens, c.limit})
	if err != nil {
		return "" // texts and finite numbers can always be written
	}
	return string(text)
}

// Answers asks the server about every item, as many at once as it may be asked.
func (c *Chat) Answers(ctx context.Context, items []task.Item) []Result {
	out := make([]Result, len(items))
	c.Each(len(items), func(i int) {
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
	choice, err := c.Ask(ctx, c.messages(it), c.opt.form())
	if err != nil {
		return "", err
	}
	answer, err := readAnswer(choice, c.opt.Format, c.limit)
	if err == nil {
		err = checkRepeats(answer, c.instruction, c.opt.System, jsonInstruction)
	}
	var refused *completions.RefusedError
	if errors.As(err, &refused) {
		c.Refuse(refused.Reason)
	}
	return answer, err
}

// messages fills the templates. What was said before the last message of a conversation
// comes as it is, its system completions.Message behind that of the configuration.
func (c *Chat) messages(it task.Item) []completions.Message {
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
	all := []completions.Message{completions.System(system)}
	for i, t := range turns {
		if i < len(turns)-1 {
			all = append(all, completions.User(t.User), completions.Assistant(t.Answer))
		}
	}
	all = append(all, completions.User(fill.Replace(c.opt.User)))
	return slices.DeleteFunc(all, func(m completions.Message) bool { return m.Content == "" })
}
