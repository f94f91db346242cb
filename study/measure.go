package study

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"pgsrm/cache"
	"pgsrm/config"
	"pgsrm/corpus"
	"pgsrm/embed"
	"pgsrm/eval"
	"pgsrm/hf"
	"pgsrm/internal/durable"
	"pgsrm/lm"
	"pgsrm/run"
	"pgsrm/task"
)

// Measures are what is measured of a child once its cell has trained it, and of the
// child that it started from. docs/studies.md has the names and formulas of the numbers.
type Measures struct {
	Samples    int      `json:"samples,omitempty"`    // answers drawn to each prompt
	Prompts    int      `json:"prompts,omitempty"`    // of each task and split, spread evenly; 0 = all
	Tasks      []string `json:"tasks,omitempty"`      // answered beside the cell's own
	Perplexity string   `json:"perplexity,omitempty"` // a file, or "builtin"; "" = none
	Embedder   string   `json:"embedder,omitempty"`   // of the semantic score, whatever that of the cell
}

// read reads the section measure, which replaces what is there.
func (m *Measures) read(r *reader, n *yaml.Node, key string) error {
	*m = Measures{Embedder: "builtin"}
	return r.section(n, key, []field{
		{"samples", func(n *yaml.Node, key string) (err error) { m.Samples, err = r.whole(n, key, 1, 1024); return err }},
		{"prompts", func(n *yaml.Node, key string) (err error) { m.Prompts, err = r.whole(n, key, 0, 1e9); return err }},
		{"perplexity", func(n *yaml.Node, key string) (err error) { m.Perplexity, err = r.text(n, key); return err }},
		{"embedder", func(n *yaml.Node, key string) (err error) { m.Embedder, err = r.text(n, key); return err }},
		{"tasks", func(n *yaml.Node, key string) error {
			if n.Kind != yaml.SequenceNode {
				return r.errorAt(n, key, "must be a list of tasks", config.NodeText(n))
			}
			for i, c := range n.Content {
				if r.missing(c) != "" && r.missing(c) != c.Value {
					continue // was not given
				}
				name, err := r.text(c, fmt.Sprintf("%s[%d]", key, i))
				if err != nil {
					return err
				}
				m.Tasks = append(m.Tasks, name)
			}
			return nil
		}},
	})
}

// measureFile holds what was measured of a cell, in its run directory.
const measureFile = "measure.json"

// measured is measure.json.
type measured struct {
	Measures Measures           `json:"measures"` // what was asked for
	Values   map[string]float64 `json:"values"`
}

// measure measures the child of a cell unless that was done.
func (p *Plan) measure(ctx context.Context, c Cell, s *starts, deps run.Deps) error {
	if p.measures.none() {
		return nil
	}
	old, err := p.readMeasures(c)
	if err != nil || old != nil {
		return err
	}
	values, err := p.measures.of(ctx, c, s, deps)
	if ctx.Err() != nil {
		return run.ErrInterrupted
	}
	if err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	text, err := json.MarshalIndent(measured{p.measures, values}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteBytes(filepath.Join(p.CellDir(c), measureFile), append(text, '\n'))
}

func (m Measures) none() bool { return m.Samples == 0 && len(m.Tasks) == 0 && m.Perplexity == "" }

// readMeasures reads what was measured of a cell; nil where that was not done, or another
// thing was asked for.
func (p *Plan) readMeasures(c Cell) (map[string]float64, error) {
	path := filepath.Join(p.CellDir(c), measureFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var was measured
	if err == nil {
		err = json.Unmarshal(text, &was)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a, _ := json.Marshal(was.Measures) // plain structs
	b, _ := json.Marshal(p.measures)
	if string(a) != string(b) {
		return nil, nil
	}
	return was.Values, nil
}

// pairOf is the child of a cell and the one that it started from.
type pairOf struct {
	Measures
	cfg          run.Config
	embedder     embed.Embedder
	child, start *hf.Model
	starts       *starts
	values       map[string]float64
}

// of measures.
func (m Measures) of(ctx context.Context, c Cell, s *starts, deps run.Deps) (map[string]float64, error) {
	cfg, _, err := run.ReadConfig(c.Config.Out) // with what the run decided
	if err != nil {
		return nil, err
	}
	p := &pairOf{Measures: m, cfg: cfg, starts: s, values: map[string]float64{}}
	if p.embedder, err = openEmbedder(m.Embedder, deps.Cache); err != nil {
		return nil, config.Bad(err)
	}
	for _, open := range []struct {
		m    **hf.Model
		name string
	}{{&p.start, cfg.Child}, {&p.child, cfg.Out}} {
		if *open.m, err = run.OpenChild(open.name); err != nil {
			return nil, err
		}
		(*open.m).Pool = deps.Pool
	}
	own, err := loadTask(cfg.Task, cfg.Data)
	if err != nil {
		return nil, config.Bad(err)
	}
	if err := p.task(ctx, ownTask, own, true); err != nil {
		return nil, err
	}
	for _, name := range m.Tasks {
		load, called := otherTask(name, cfg.Task)
		if load == "" {
			continue
		}
		t, err := loadTask(load, task.DefaultOptions())
		if err != nil {
			return nil, config.Bad(err)
		}
		if err := p.task(ctx, called, t, false); err != nil {
			return nil, err
		}
	}
	return p.values, p.perplexity(ctx)
}

func openEmbedder(name string, c *cache.Cache) (embed.Embedder, error) {
	return embed.Open(name, embed.Options{Cache: c})
}

// half is the prompts of a part of a task, and their tokens for both children.
type half struct {
	items  []eval.Answer // not answered yet
	tokens [][]int32
	limit  int
}

// task measures both children on a task, own = the one that the cell trains on.
func (p *pairOf) task(ctx context.Context, name string, t *task.Task, own bool) error {
	input, err := p.cfg.ChatTemplate.Prompter(p.child)
	if err != nil {
		return err
	}
	references := map[string]string{}
	for _, it := range t.Items {
		references[it.ID] = it.Reference
	}
	for _, some := range parts(t) {
		var h half
		for _, it := range some.items {
			if it.Reference != "" {
				h.items = append(h.items, eval.Answer{Item: it, Reference: it.Reference})
			}
		}
		h.items = spread(h.items, p.Prompts)
		if len(h.items) == 0 {
			continue
		}
		for _, a := range h.items {
			ids, err := input.Item(a.Item)
			if err != nil {
				return err
			}
			h.tokens = append(h.tokens, ids)
		}
		h.limit = p.cfg.Rollout.MaxNewTokens
		if !own {
			h.limit, _ = run.AnswerLimit(p.cfg.Child, t, references, p.cfg.Matcher(), input, p.child.Config.Room(h.tokens))
		}
		if err := p.half(ctx, name+"/"+some.name, h, input); err != nil {
			return fmt.Errorf("%s, %s: %w", name, some.name, err)
		}
	}
	return nil
}

// side is what one of the two children answers to the prompts of a half.
type side struct {
	values map[string]float64
	drawn  []lm.Generation // Samples to each prompt
}

// starts are the sides of start children, which the cells of a process share.
type starts struct {
	mu   sync.Mutex
	made map[string]func() (side, error)
}

// once is what make makes, made by the first that asks under a key; others wait for it.
func (s *starts) once(key any, make func() (side, error)) (side, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return side{}, err
	}
	s.mu.Lock()
	made := s.made[string(text)]
	if made == nil {
		if s.made == nil {
			s.made = map[string]func() (side, error){}
		}
		made = sync.OnceValues(make)
		s.made[string(text)] = made
	}
	s.mu.Unlock()
	return made()
}

// half measures both children on the prompts of one split.
func (p *pairOf) half(ctx context.Context, name string, h half, input *hf.Prompter) error {
	child, err := p.side(ctx, p.child, h, input)
	if err != nil {
		return err
	}
	start, err := p.starts.once([]any{p.cfg.Child, p.cfg.ChatTemplate, p.cfg.Answer, p.cfg.Rollout.Stop, h.limit, h.items, h.tokens},
		func() (side, error) { return p.side(ctx, p.start, h, input) })
	if err != nil {
		return err
	}
	for what, v := range child.values {
		p.values[name+"/"+what] = v
	}
	for what, v := range start.values {
		p.values[name+"/start_"+what] = v
	}
	if p.Samples == 0 {
		return nil
	}
	if p.values[name+"/kl_forward"], err = p.divergence(start, p.child, h); err != nil {
		return err
	}
	p.values[name+"/kl_reverse"], err = p.divergence(child, p.start, h)
	return err
}

// side has a child answer.
func (p *pairOf) side(ctx context.Context, m *hf.Model, h half, input *hf.Prompter) (side, error) {
	s := side{values: map[string]float64{}}
	put := func(what string, v float64) { s.values[what] = v }
	if err := p.greedy(ctx, m, h, put); err != nil {
		return s, err
	}
	if err := p.probability(m, h, input, put); err != nil || p.Samples == 0 {
		return s, err
	}
	var err error
	if s.drawn, err = p.draw(ctx, m, h); err != nil {
		return s, err
	}
	p.samples(s.drawn, m, h, put)
	return s, nil
}

// greedy measures the most likely answers.
func (p *pairOf) greedy(ctx context.Context, m *hf.Model, h half, put func(what string, v float64)) error {
	stop := p.cfg.Rollout.Stop
	gens, err := m.Greedy(ctx, h.tokens, h.limit, m.Ends(stop))
	if err != nil {
		return err
	}
	answers := slices.Clone(h.items)
	for i, g := range gens {
		answers[i].Response, answers[i].Finish = m.Answer(g.Tokens, stop), g.Finish
	}
	e, err := eval.Measure(ctx, answers, p.embedder, p.cfg.Matcher())
	if err != nil {
		return fmt.Errorf("%w: %w", run.ErrUnavailable, err)
	}
	put("exact_match", e.ExactMatch)
	if e.Normalized != nil {
		put("exact_match_normalized", *e.Normalized)
	}
	put("semantic", e.Semantic)
	put("chrf", e.ChrF)
	put("distinct_1", e.Distinct1)
	put("distinct_2", e.Distinct2)
	put("length", e.MeanLength)
	return nil
}

// probability measures how probable the right answers are, in their usual tokens.
func (p *pairOf) probability(m *hf.Model, h half, input *hf.Prompter, put func(what string, v float64)) error {
	s := m.NewState(false)
	sum := 0.0
	for i, a := range h.items {
		logs, err := responseLogs(m.Model, s, h.tokens[i], rightAnswers(input, a.Item))
		if err != nil {
			return err
		}
		sum += math.Exp(logSum(logs))
	}
	put("right_probability", sum/float64(len(h.items)))
	return nil
}

// samples measures answers drawn from the child's own distribution.
func (p *pairOf) samples(gens []lm.Generation, m *hf.Model, h half, put func(what string, v float64)) {
	texts := make([][]string, len(h.items))
	var all []eval.Answer
	for i, g := range gens {
		text := m.Answer(g.Tokens, p.cfg.Rollout.Stop)
		texts[i/p.Samples] = append(texts[i/p.Samples], text)
		a := h.items[i/p.Samples]
		a.Response = text
		all = append(all, a)
	}
	exact, _ := eval.ExactMatch(all, p.cfg.Matcher())
	put("samples/exact_match", exact)
	put("samples/length", eval.MeanLength(all))
	one, two := distinct(texts)
	put("samples/distinct_1", one)
	put("samples/distinct_2", two)
	if p.Samples > 1 {
		put("samples/self_bleu", meanSelfBLEU(texts))
	}
}

// drawSeed is the seed of all draws: those of cells are of the same random numbers.
const drawSeed = 1

// drawBatch is how many answers are drawn at a time.
const drawBatch = 64

// draw draws the answers, Samples to each prompt.
func (p *pairOf) draw(ctx context.Context, m *hf.Model, h half) ([]lm.Generation, error) {
	var out []lm.Generation
	s := m.NewState(false)
	opt := lm.SampleOptions{Temperature: 1, TopP: 1, MaxNewTokens: h.limit, Stop: m.Ends(p.cfg.Rollout.Stop)}
	first := 0
	for some := range slices.Chunk(h.tokens, max(1, drawBatch/p.Samples)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.Reset()
		gens, err := m.Generate(s, some, p.Samples, opt, func(i, k int) *rand.Rand { return run.SampleStream(drawSeed, first+i, k) })
		if err != nil {
			return nil, err
		}
		out, first = append(out, gens...), first+len(some)
	}
	return out, nil
}

// logs are the log-probabilities, nats, of answers by a child.
func (p *pairOf) logs(m *hf.Model, gens []lm.Generation, h half) (out []float64, err error) {
	s := m.NewState(false)
	for i, prompt := range h.tokens {
		var responses [][]int32
		for _, g := range gens[i*p.Samples : (i+1)*p.Samples] {
			responses = append(responses, g.Tokens)
		}
		some, err := responseLogs(m.Model, s, prompt, responses)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// divergence estimates how far another child q is from the one p that drew answers, nats per
// answer: the mean of log p(y|x) - log q(y|x). Forward, y is of the start child (what was
// forgotten); backward, of the trained one.
func (p *pairOf) divergence(from side, to *hf.Model, h half) (float64, error) {
	other, err := p.logs(to, from.drawn, h)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for k, g := range from.drawn {
		own := 0.0
		for _, l := range g.LogProbs { // of from's own distribution, as draw cuts nothing of it
			own += float64(l)
		}
		sum += own - other[k]
	}
	return sum / float64(len(other)), nil
}

// perplexity measures both children on a text, or on documents of the generated corpus that
// builtin:tiny was not trained on.
func (p *pairOf) perplexity(ctx context.Context) error {
	if p.Perplexity == "" {
		return nil
	}
	texts, err := p.texts(ctx)
	if err != nil {
		return err
	}
	of := func(m *hf.Model) (side, error) {
		v, err := perplexity(m, texts)
		return side{values: map[string]float64{"perplexity": v}}, err
	}
	child, err := of(p.child)
	if err != nil {
		return err
	}
	start, err := p.starts.once([]any{p.cfg.Child, "perplexity"}, func() (side, error) { return of(p.start) })
	if err != nil {
		return err
	}
	p.values["perplexity"], p.values["start_perplexity"] = child.values["perplexity"], start.values["perplexity"]
	return nil
}

// textBatch is how many tokens, at least, the texts have that are scored together.
const textBatch = 512

// perplexity of texts: exp of the mean cross-entropy per token.
func perplexity(m *hf.Model, texts []string) (float64, error) {
	var sum float64
	var n, tokens int
	s := m.NewState(false)
	var batch []lm.Sequence
	score := func() error {
		loss, counted, err := m.CrossEntropy(s, batch)
		sum, n = sum+loss*float64(counted), n+counted
		batch, tokens = batch[:0], 0
		return err
	}
	for _, text := range texts {
		ids := m.Tokenizer.Encode(text)
		ids = ids[:min(len(ids), m.Config.Positions)]
		batch, tokens = append(batch, lm.Sequence{Tokens: ids, From: 1}), tokens+len(ids)
		if tokens >= textBatch {
			if err := score(); err != nil {
				return 0, err
			}
		}
	}
	if err := score(); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, config.Errorf("measure.perplexity: must have a text of at least two tokens")
	}
	return math.Exp(sum / float64(n)), nil
}

// What the built-in text is.
const (
	plainTexts = 200
	plainSeed  = 20_261 // not that of the corpus of builtin:tiny
	maxText    = 16 << 20
)

// texts are the texts of the perplexity: the lines of a file, or generated ones.
func (p *pairOf) texts(ctx context.Context) ([]string, error) {
	if p.Perplexity != "builtin" {
		st, err := os.Stat(p.Perplexity)
		if err == nil && st.Size() > maxText {
			err = fmt.Errorf("%s: must have at most %d bytes", p.Perplexity, maxText)
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(p.Perplexity)
		}
		if err == nil && !utf8.Valid(text) {
			err = fmt.Errorf("%s: must be valid UTF-8", p.Perplexity)
		}
		if err != nil {
			return nil, config.At("measure.perplexity", err)
		}
		return slices.DeleteFunc(strings.Split(string(text), "\n"), func(s string) bool { return strings.TrimSpace(s) == "" }), nil
	}
	e, err := openEmbedder("builtin", nil)
	if err != nil {
		return nil, err
	}
	return corpus.Plain(ctx, e, plainSeed, plainTexts)
}

// spread picks n elements evenly; all of them where n is 0 or too many.
func spread[T any](all []T, n int) []T {
	if n = cmp.Or(n, len(all)); len(all) <= n {
		return all
	}
	out := make([]T, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out
}
