package parent

import (
	"fmt"
	"regexp"
	"strings"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/remote"
	"pgsrm/remote/completions"
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

	Format      string  `yaml:"format" oneof:"auto, schema, json, text"`                  // auto, schema, json or text
	Temperature float64 `yaml:"temperature" range:"[-1, 2]"`                              // below 0 = not sent
	Seed        int64   `yaml:"seed" range:"[-9223372036854775808, 9223372036854775807]"` // 0 = not sent
	MaxTokens   int     `yaml:"max_tokens" range:"[1, 1048576]"`                          // of an answer, with the JSON around it and what the model thinks aloud
	MaxAnswer   int     `yaml:"max_answer" range:"[0, 1000000]"`                          // characters; longer answers are refused; 0 = by the kind of the task

	PriceInput  float64 `yaml:"price_input" range:"[0, 1000000000]"`  // of a million tokens sent, in any currency
	PriceOutput float64 `yaml:"price_output" range:"[0, 1000000000]"` // of a million tokens received

	// Template is the use of the chat template of a local model's folder.
	Template hf.TemplateOptions `yaml:"template"`

	Server remote.Options `yaml:"server"`
}

// The forms of an answer.
const (
	formatAuto   = "auto"   // schema; json where the server refuses it; a line without JSON counts as text
	formatSchema = "schema" // the server holds the model to {"OUTPUT": "..."}
	formatJSON   = "json"   // the model is told to
	formatText   = "text"   // the whole answer
)

// DefaultChatOptions ask the task's own instruction and the prompt as it is.
func DefaultChatOptions() ChatOptions {
	return ChatOptions{
		System: "{instruction}", User: "{prompt}", Format: formatAuto, MaxTokens: 256,
		Template: hf.DefaultTemplateOptions(), Server: remote.DefaultOptions(),
	}
}

// placeholder is what a template can hold.
var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Validate reports the first option that cannot be used.
func (o ChatOptions) Validate() error { return config.Check(o) }

// Rules reports messages that do not hold the prompt.
func (o ChatOptions) Rules() error {
	for _, c := range []struct{ key, text string }{{"system", o.System}, {"user", o.User}} {
		for _, p := range placeholder.FindAllString(c.text, -1) {
			if p != "{instruction}" && p != "{prompt}" && p != "{input}" {
				return &config.Error{Key: c.key, Must: "placeholder must be one of {instruction}, {prompt}, {input}", Value: p}
			}
		}
	}
	if both := o.System + o.User; !strings.Contains(both, "{prompt}") && !strings.Contains(both, "{input}") {
		return &config.Error{Key: "user", Must: "must hold {prompt} or {input}", Value: fmt.Sprintf("%q", o.User)}
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

// client are the options of the client.
func (o ChatOptions) client() completions.Options {
	return completions.Options{
		Name: o.Name, Temperature: o.Temperature, Seed: o.Seed, MaxTokens: o.MaxTokens,
		PriceInput: o.PriceInput, PriceOutput: o.PriceOutput, Server: o.Server,
	}
}

// form is that of an answer which a server is asked to hold the model to; nil: none.
func (o ChatOptions) form() *completions.Form {
	if o.Format != formatAuto && o.Format != formatSchema {
		return nil
	}
	return &completions.Form{Key: answerKey, Strict: o.Format == formatSchema}
}
