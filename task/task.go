package task

import (
	"encoding/json"
	"strings"
)

// Kind groups tasks that share one training configuration.
type Kind string

const (
	Lexical  Kind = "lexical"  // one word as answer: colors, opposites, categories
	Sentence Kind = "sentence" // a short sentence as answer: copy, sentiment
	Unknown  Kind = ""         // no reference says: the answers are those of a parent
)

// maxNewTokens is the default response length of a kind, EOS included. With the
// vocabulary of the embedded child a word of the built-in tasks takes at most
// three tokens and a sentence at most nine; a test of package corpus holds it.
func (k Kind) maxNewTokens() int {
	if k == Lexical {
		return 5
	}
	return 16
}

// Split names the part of a task's prompts that an item belongs to.
type Split string

const (
	Train   Split = "train"
	HeldOut Split = "held-out"
)

// Item is one prompt with its reference.
type Item struct {
	ID        string   // unique within the task, stable
	Task      string   // that it is of, in a mixture; "" = the only one
	Prompt    string   // the whole text given to the child
	Input     string   // the part of the prompt that varies ("red and blue"); may be empty
	Reference string   // the canonical answer of the built-in parent; may be empty for a user's file
	Accepted  []string // further answers that count as an exact match
	Split     Split
	Messages  []Message       // conversation that the prompt is the text of; nil = the prompt is one message of the user
	Rejected  string          // an answer that is worse than the reference, of preference data; may be empty
	Columns   json.RawMessage // object of what a file says of the item, for rewards, in its order; nil = nothing
}

// Task is a named set of items. It is read-only after loading.
type Task struct {
	Name         string
	Kind         Kind
	System       string // instruction to a chat parent
	MaxNewTokens int    // default response length, EOS included
	Items        []Item
	Components   []Component // of a mixture; nil = one task
	Warnings     []string    // what a user should know of the data
	holdsOut     bool        // some prompts of the file should be held out
}

// Select returns the items of one split, in order.
func (t *Task) Select(s Split) []Item {
	var out []Item
	for _, it := range t.Items {
		if it.Split == s {
			out = append(out, it)
		}
	}
	return out
}

// Joint returns the text that stands between a prompt and its answer: nothing
// where the prompt ends with white space ("... is => "), else one space
// ("... belong to: 'dog'?"). Pretraining, sampling and supervised tuning all
// join with it, so that the child always sees one form.
func Joint(prompt string) string {
	if prompt == "" || strings.HasSuffix(prompt, " ") || strings.HasSuffix(prompt, "\n") || strings.HasSuffix(prompt, "\t") {
		return ""
	}
	return " "
}
