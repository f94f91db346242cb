package parent

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"pgsrm/lm"
	"pgsrm/remote"
	"pgsrm/task"
)

// ChatOptions say what a chat server or a local model is asked and how its
// answers are read; a local model has no use for Format and what follows. All
// but Name, the prices and Server decide the answers, and are part of the key of
// the cache.
type ChatOptions struct {
	// Name stands for the server in the key of the cache, in the place of its
	// address: for one that moves from job to job. "" = the address.
	Name string `yaml:"name"`
	// System and User are the two messages. In them {instruction} is that of the
	// task, {prompt} the whole prompt and {input} its varying part. A message that
	// is empty is not sent.
	System string `yaml:"system"`
	User   string `yaml:"user"`

	Format      string  `yaml:"format"`      // auto, schema, json or text
	Temperature float64 `yaml:"temperature"` // below 0 = not sent
	Seed        int64   `yaml:"seed"`        // 0 = not sent
	MaxTokens   int     `yaml:"max_tokens"`  // of an answer, with the JSON around it and what the model thinks aloud
	MaxAnswer   int     `yaml:"max_answer"`  // characters; longer answers are refused; 0 = by the kind of the task

	PriceInput  float64 `yaml:"price_input"`  // of a million tokens sent, in any currency
	PriceOutput float64 `yaml:"price_output"` // of a million tokens received

	// Template is the use of the chat template of a local model's folder.
	Template lm.TemplateOptions `yaml:"template"`

	Server remote.Options `yaml:"server"`
}

// The forms of an answer.
const (
	FormatAuto   = "auto"   // schema; json where the server refuses it; a line without JSON counts as text
	FormatSchema = "schema" // the server holds the model to {"OUTPUT": "..."}
	FormatJSON   = "json"   // the model is told to
	FormatText   = "text"   // the whole answer
)

var formats = []string{FormatAuto, FormatSchema, FormatJSON, FormatText}

// DefaultChatOptions ask the task's own instruction and the prompt as it is.
func DefaultChatOptions() ChatOptions {
	return ChatOptions{
		System: "{instruction}", User: "{prompt}", Format: FormatAuto, MaxTokens: 256,
		Template: lm.DefaultTemplateOptions(), Server: remote.DefaultOptions(),
	}
}

// placeholder is what a template can hold.
var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Validate reports the first option that cannot be used, as "key: what must hold".
func (o ChatOptions) Validate() error {
	for _, c := range []struct{ key, text string }{{"system", o.System}, {"user", o.User}} {
		for _, p := range placeholder.FindAllString(c.text, -1) {
			if p != "{instruction}" && p != "{prompt}" && p != "{input}" {
				return fmt.Errorf("%s: placeholder must be one of {instruction}, {prompt}, {input} (got %s)", c.key, p)
			}
		}
	}
	switch {
	case !strings.Contains(o.System+o.User, "{prompt}") && !strings.Contains(o.System+o.User, "{input}"):
		return fmt.Errorf("user: must hold {prompt} or {input} (got %q)", o.User)
	case !slices.Contains(formats, o.Format):
		return fmt.Errorf("format: must be one of %s (got %q)", strings.Join(formats, ", "), o.Format)
	case math.IsNaN(o.Temperature) || o.Temperature > 2:
		return fmt.Errorf("temperature: must be at most 2 (got %g)", o.Temperature)
	case o.MaxTokens < 1:
		return fmt.Errorf("max_tokens: must be at least 1 (got %d)", o.MaxTokens)
	case o.MaxAnswer < 0:
		return fmt.Errorf("max_answer: must be at least 0 (got %d)", o.MaxAnswer)
	}
	for _, p := range []struct {
		key string
		v   float64
	}{{"price_input", o.PriceInput}, {"price_output", o.PriceOutput}} {
		if !(p.v >= 0) || math.IsInf(p.v, 0) {
			return fmt.Errorf("%s: must be a finite number of at least 0 (got %g)", p.key, p.v)
		}
	}
	if err := o.Template.Validate(); err != nil {
		return fmt.Errorf("template.%w", err)
	}
	if err := o.Server.Validate(); err != nil {
		return fmt.Errorf("server.%w", err)
	}
	return nil
}

// maxAnswer is the number of characters of the longest answer to a task of that
// kind.
func (o ChatOptions) maxAnswer(k task.Kind) int {
	switch {
	case o.MaxAnswer > 0:
		return o.MaxAnswer
	case k == task.Lexical:
		return 60
	}
	return 400
}

// cost is the price of so many tokens.
func (o ChatOptions) cost(sent, received int64) float64 {
	return (float64(sent)*o.PriceInput + float64(received)*o.PriceOutput) / 1e6
}
