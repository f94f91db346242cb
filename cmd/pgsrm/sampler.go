package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
)

// sampler draws the answers of a batch one token at a time, so that text can be
// shown and stopped while it grows. The rows of earlier tokens stay in the state:
// the numbers are those of one lm.Generate over the whole answers.
type sampler struct {
	m     *hf.Model
	input *hf.Prompter // nil where the child has no tokenizer
	state *lm.State
	opt   generateOptions
}

// sampled is an answer that grows.
type sampled struct {
	Prompt   string
	Text     string
	Tokens   []int32   // [T] EOS included where the answer ended by it
	LogProbs []float32 // [T]
	Finish   string    // "" while it grows, then "eos", "length" or "stop"

	path []int32 // prompt and answer
	rng  *rand.Rand
}

// begin encodes the prompts for their samples from..to-1; first is the number of the
// first prompt among all. [P*(to-from)]
func (d *sampler) begin(first int, prompts []string, from, to int) ([]*sampled, error) {
	d.state.Reset()
	var answers []*sampled
	for p, prompt := range prompts {
		path, err := d.encode(prompt)
		if err != nil {
			return nil, fmt.Errorf("prompt %d: %w", first+p+1, err)
		}
		if bos := d.m.Config.BOS; len(path) == 0 && bos >= 0 {
			path = []int32{bos}
		}
		if err := d.m.Config.Fits(path, d.opt.Sample.MaxNewTokens); err != nil {
			return nil, fmt.Errorf("prompt %d: %w", first+p+1, err)
		}
		for k := from; k < to; k++ {
			answers = append(answers, &sampled{
				Prompt: prompt, path: append([]int32(nil), path...), rng: run.SampleStream(d.opt.Seed, first+p, k),
			})
		}
	}
	return answers, nil
}

// encode is the beginning of the answers to a prompt.
func (d *sampler) encode(prompt string) ([]int32, error) {
	if !d.opt.Tokens {
		return d.input.Tokens(prompt)
	}
	var ids []int32
	if err := json.Unmarshal([]byte(prompt), &ids); err != nil || ids == nil {
		return nil, fmt.Errorf("must be a JSON array of token ids (got %.80q)", prompt)
	}
	for _, id := range ids {
		if id < 0 || int(id) >= d.m.Config.Vocab {
			return nil, fmt.Errorf("token must be in 0..%d (got %d)", d.m.Config.Vocab-1, id)
		}
	}
	return ids, nil
}

// running says whether any answer still grows.
func (d *sampler) running(answers []*sampled) bool {
	for _, a := range answers {
		if a.Finish == "" {
			return true
		}
	}
	return false
}

// step adds one token to each answer that grows.
func (d *sampler) step(answers []*sampled) error {
	var live []*sampled
	var paths [][]int32
	for _, a := range answers {
		if a.Finish == "" {
			live, paths = append(live, a), append(paths, a.path)
		}
	}
	one := d.opt.Sample
	one.MaxNewTokens = 1
	gens, err := d.m.Generate(d.state, paths, 1, one, func(p, _ int) *rand.Rand { return live[p].rng })
	if err != nil {
		return err
	}
	for i, a := range live {
		d.grow(a, gens[i])
	}
	return nil
}

// grow takes over one drawn token.
func (d *sampler) grow(a *sampled, gen lm.Generation) {
	a.Tokens = append(a.Tokens, gen.Tokens[0])
	a.LogProbs = append(a.LogProbs, gen.LogProbs[0])
	a.path = append(a.path, gen.Tokens[0])
	if d.m.Tokenizer != nil {
		a.Text = d.m.Tokenizer.Decode(a.Tokens, true)
	}
	if at := hf.Stop(d.opt.Stop).Find(a.Text); at >= 0 {
		a.Text, a.Finish = a.Text[:at], "stop"
	} else if gen.Finish == "eos" {
		a.Finish = "eos"
	} else if len(a.Tokens) == d.opt.Sample.MaxNewTokens {
		a.Finish = "length"
	}
}

// settled is the part of a growing text that later tokens cannot change: without
// the bytes of an unfinished character and without what may begin a stop text.
func settled(text string, stop []string) string {
	text = strings.TrimRight(text, string(utf8.RuneError))
	keep := len(text)
	for _, s := range stop {
		for n := min(len(s)-1, len(text)); n > 0; n-- {
			if strings.HasSuffix(text, s[:n]) {
				keep = min(keep, len(text)-n)
				break
			}
		}
	}
	return text[:keep]
}

// answerPrinter shows the answers of a batch, in order.
type answerPrinter interface {
	progress(answers []*sampled) error
	done(answers []*sampled) error
}

// textPrinter streams the first answer that is not complete, and after it the
// next: one answer a line.
type textPrinter struct {
	w     *bufio.Writer
	stop  []string
	index int // the answer being shown
	shown int // bytes of it
}

func (p *textPrinter) progress(answers []*sampled) error {
	for p.index < len(answers) {
		a := answers[p.index]
		text := a.Text
		if a.Finish == "" {
			text = settled(text, p.stop)
		}
		if len(text) > p.shown {
			p.w.WriteString(text[p.shown:])
			p.shown = len(text)
		}
		if a.Finish == "" {
			break
		}
		p.w.WriteByte('\n')
		p.index, p.shown = p.index+1, 0
	}
	return p.w.Flush()
}

func (p *textPrinter) done(answers []*sampled) error { return p.progress(answers) }

// jsonPrinter prints complete answers as lines of JSON.
type jsonPrinter struct{ w *bufio.Writer }

// generateOutput is a line of generate --json.
type generateOutput struct {
	Prompt   string   `json:"prompt"`
	Text     string   `json:"text"`
	Tokens   []int32  `json:"tokens"`
	LogProbs []exact9 `json:"logprobs"`
	Finish   string   `json:"finish"`
}

func (jsonPrinter) progress([]*sampled) error { return nil }

func (p jsonPrinter) done(answers []*sampled) error {
	enc := json.NewEncoder(p.w)
	enc.SetEscapeHTML(false)
	for _, a := range answers {
		if err := enc.Encode(generateOutput{a.Prompt, a.Text, a.Tokens, exactNumbers(a.LogProbs), a.Finish}); err != nil {
			return err
		}
	}
	return p.w.Flush()
}
