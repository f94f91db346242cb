package parent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"pgsrm/hf"
	"pgsrm/hub"
	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/remote/completions"
	"pgsrm/task"
	"pgsrm/tokenizer/chat"
)

// localParent is a language model of a folder or a GGUF file on the project's own engine. It answers
// greedily: the same prompt has the same answer. Instruction and prompt go
// through the chat template of the folder; without one they follow each
// other, a line each. It is safe for concurrent use.
type localParent struct {
	digest      string
	instruction string // of the task
	limit       int    // characters of an answer
	opt         ChatOptions
	told        string // what of opt the model remembers, "" for nothing
	threads     int

	mu       sync.Mutex // the engine serves one call at a time
	model    *hf.Model
	prompter *hf.Prompter
}

// localBatch is how many prompts are answered together, so that a context that
// ends is seen soon and the memory of long answers is bounded.
const localBatch = 64

// IsLocal says whether a spec names a local model.
func IsLocal(spec string) bool {
	if strings.HasPrefix(spec, "hf:") {
		return true
	}
	st, err := os.Stat(spec)
	return err == nil && st.IsDir() || hf.IsGGUF(spec)
}

// loadLocal loads the model that a spec names: "hf:ORG/NAME" in the local cache of
// the hub, else a folder or a GGUF file.
func loadLocal(spec string, t *task.Task, o ChatOptions, threads int) (*localParent, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("parent: chat.%w", err)
	}
	dir := spec
	if name, ok := strings.CutPrefix(spec, "hf:"); ok {
		var err error
		if dir, err = hub.Folder(name); err != nil {
			return nil, fmt.Errorf("parent: %w", err)
		}
	}
	m, err := hf.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("parent: %w", err)
	}
	digest, err := hf.Digest(dir)
	if err != nil {
		return nil, fmt.Errorf("parent: %s: %w", dir, err)
	}
	o, told := o.remembered(m)
	p, err := m.Prompter("", o.Template)
	if err != nil {
		return nil, fmt.Errorf("parent: %s: %w", dir, err)
	}
	return &localParent{
		digest: digest, instruction: t.System, limit: o.maxAnswer(t.Kind), opt: o, told: told, threads: threads, model: m, prompter: p,
	}, nil
}

// remembered are the options under which a model that was trained here is asked as it
// was trained: messages and template that nobody chose are those that it remembers.
// text says what they are.
func (o ChatOptions) remembered(m *hf.Model) (out ChatOptions, text string) {
	mem, ok := m.Memory()
	d := DefaultChatOptions()
	if !ok || o.System != d.System || o.User != d.User || o.Template != d.Template {
		return o, ""
	}
	o.System, o.Template = mem.System, mem.Template
	if mem.Template.Use == "off" {
		o.System = ""
	}
	return o, fmt.Sprintf("asked as it was trained: system message %q, user message {prompt}; chat.system, chat.user and chat.template say otherwise", mem.System)
}

// Identity is "local:" and the digest of the folder: a copy of it elsewhere is
// the same parent.
func (l *localParent) Identity() string { return "local:" + l.digest }

// Request is everything that decides the answer beside the model.
func (l *localParent) Request(it task.Item) string {
	input, err := l.input(it)
	text, jsonErr := json.Marshal(struct {
		Input     string `json:"input"`
		Error     string `json:"error,omitempty"`
		Template  bool   `json:"template"`
		MaxTokens int    `json:"max_tokens"`
		MaxAnswer int    `json:"max_answer"`
	}{input, errorText(err), l.prompter.Templated(), l.opt.MaxTokens, l.limit})
	if jsonErr != nil {
		return "" // texts and numbers can always be written
	}
	return string(text)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// messages fills the templates of the configuration. What was said before the last message
// of a conversation comes as it is, its system message behind that of the configuration.
func (l *localParent) messages(it task.Item) (system string, turns []hf.Turn) {
	before, turns := hf.TurnsOf(it.Messages)
	if len(turns) == 0 {
		turns = []hf.Turn{{User: it.Prompt}}
	}
	last := &turns[len(turns)-1]
	fill := strings.NewReplacer("{instruction}", l.instruction, "{prompt}", last.User, "{input}", it.Input)
	last.User = fill.Replace(l.opt.User)
	return strings.TrimSpace(strings.TrimSpace(fill.Replace(l.opt.System)) + "\n" + before), turns
}

// input is the text that the model is given.
func (l *localParent) input(it task.Item) (string, error) {
	system, turns := l.messages(it)
	if l.prompter.Templated() {
		return l.prompter.Conversation(system, turns)
	}
	text, err := l.prompter.Conversation("", turns)
	if system != "" && text != "" {
		system += "\n"
	}
	return system + text, err
}

// Answers lets the model answer every item.
func (l *localParent) Answers(ctx context.Context, items []task.Item) []Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.model.Pool = kernel.NewPool(l.threads) // its own: the runs of a comparison share the parent, not their pools
	defer l.model.Pool.Close()
	out := make([]Result, len(items))
	for lo := 0; lo < len(items); lo += localBatch {
		hi := min(lo+localBatch, len(items))
		l.batch(ctx, items[lo:hi], out[lo:hi])
	}
	return out
}

// batch answers some items together; those that do not fit have errors.
func (l *localParent) batch(ctx context.Context, items []task.Item, out []Result) {
	var prompts [][]int32
	var at []int // place of prompts[k] in items
	for i, it := range items {
		tokens, err := l.tokens(it)
		if err != nil {
			out[i].Err = itemError(it, err)
			continue
		}
		prompts, at = append(prompts, tokens), append(at, i)
	}
	gens, failed := l.model.Greedy(ctx, prompts, l.opt.MaxTokens, nil)
	for k, i := range at {
		answer, err := "", failed
		if failed == nil {
			answer, err = l.read(gens[k])
		}
		if err != nil {
			out[i].Err = itemError(items[i], err)
			continue
		}
		out[i].Answer = answer
	}
}

// tokens are the model's input for an item.
func (l *localParent) tokens(it task.Item) ([]int32, error) {
	text, err := l.input(it)
	if errors.Is(err, chat.ErrTemplate) {
		return nil, fmt.Errorf("%w (some know no system message: chat.system may be empty)", err)
	}
	if err != nil {
		return nil, err
	}
	tokens := l.prompter.Encode(text)
	return tokens, l.model.Config.Fits(tokens, l.opt.MaxTokens)
}

// read takes the answer out of what the model wrote: the first line that is not
// empty, without what it thinks aloud before. Thoughts
// without end, and a line that max_tokens cut, are none.
func (l *localParent) read(g lm.Generation) (string, error) {
	content := strings.TrimSpace(completions.WithoutThoughts(l.model.Tokenizer.Decode(g.Tokens, true)))
	line, _, whole := strings.Cut(content, "\n")
	if strings.HasPrefix(content, "<think>") || !whole && g.Finish == "length" {
		return "", completions.Refused(completions.CutShort, content, "must end within max_tokens")
	}
	answer, err := checkAnswer(strings.TrimSpace(line), l.limit)
	if err == nil {
		err = checkRepeats(answer, l.instruction, l.opt.System)
	}
	return answer, err
}
