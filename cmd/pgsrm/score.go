package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/embed"
	"pgsrm/reward"
	"pgsrm/serve/client"
	"pgsrm/task"
)

// newScoreCommand scores given answers.
func newScoreCommand(g *globalOptions) *cobra.Command {
	var o scoreOptions
	cmd := &cobra.Command{
		Use:   "score < JSONL",
		Short: "Score given answers with a reward",
		Long: `The score command reads JSON lines {"prompt":"...","response":"..."} on stdin and
prints each object with "reward" and "terms", the unweighted value of each term, added
to it. Other fields are kept as they are. The reference is the parent's answer to that
prompt of the task, unless the line gives its own: "reference":"...". Further answers
that are right may stand in "accepted":["..."], beside those of the task. An answer that
cannot be scored gets "error" instead; it never gets a reward of 0 for that. How the
response ended may stand in "finish": eos, stop or length, as eval --out writes it; it
is cut where that is length, else it ended by itself (the term ended).

Where the reward compares the answers to one prompt with each other (rank, minmax,
zscore, strata, repeats), consecutive lines with the same prompt are one group, of at
most 1024 answers; they are answered when another prompt follows or the input ends. A
reward that depends on what a run has seen (fade, novel, success) or on how much of it
is done (progress, linear) is that of the start of a run.

Terms of your own (exec, http; docs/custom-rewards.md) and judge (docs/judge.md) get the
other fields of a line as its columns, and are asked as the sections custom_reward and
judge of --config or --set say.

Constants of the reward are calibrated on the parent's answers to the task. Where the
section answer of --config or --set says what counts as an answer (docs/answers.md),
"exact_match" and "exact_match_normalized" are added, too.

With --server a reward server (pgsrm serve) scores; its reward, task and parent count, and
a bearer token is read from the environment variable ` + client.KeyEnv + `.

EXAMPLES
  pgsrm score --task opposites --reward pgsrm < answers.jsonl
  pgsrm score --reward 'exact + 0.3*centered(no_clip)' < answers.jsonl > scored.jsonl
  echo '{"prompt":"p","response":"red","reference":"crimson"}' | pgsrm score --reward cosine
  pgsrm score --server http://127.0.0.1:8900 < answers.jsonl > scored.jsonl
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runScore(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// scoreOptions are the flags of score.
type scoreOptions struct {
	sourceOptions
	Reward string
	Server string // URL of a server that scores; "" = this process does
	flags  *pflag.FlagSet
}

// AddFlags adds the flags of score.
func (o *scoreOptions) AddFlags(f *pflag.FlagSet) {
	o.flags = f
	f.StringVar(&o.Server, "server", "", "URL of a reward server (pgsrm serve) that scores in the place of this process")
	o.addScoring(f)
}

// addScoring adds the flags that say how answers are scored.
func (o *scoreOptions) addScoring(f *pflag.FlagSet) {
	o.addTask(f)
	o.addReward(f)
	o.addParent(f)
	o.addEmbedder(f)
}

// addReward adds the flag of the reward.
func (o *scoreOptions) addReward(f *pflag.FlagSet) {
	f.StringVar(&o.Reward, "reward", "pgsrm", "pgsrm, pgsrm-1, pgsrm-paper, binary, or an expression such as 'exact + 0.3*centered(no_clip)'")
}

// scoreBatch bounds the answers that are embedded together.
const scoreBatch = 256

func runScore(ctx context.Context, o scoreOptions, g *globalOptions) error {
	o.lines = true
	s, err := o.scorer(ctx, g)
	if err != nil {
		return err
	}
	g.sayReading("JSON lines with prompt and response")
	defer s.close()
	if s.model != nil {
		defer tellJudged(s.scorers, s.model.Spec(), g)
	}
	q := &scoreQueue{s: s}
	err = eachBatch(ctx, g.Stdin, g, scoreBatch, func(batch []inputLine, w *bufio.Writer) error { return q.add(ctx, batch, w) })
	if err != nil {
		return err
	}
	w := bufio.NewWriter(g.Stdout)
	return flushed(w, q.answer(ctx, w, len(q.lines)))
}

// maxScoreGroup bounds the answers to one prompt that are held back, to be compared.
const maxScoreGroup = 1024

// scorer is the server, or what this process makes of the flags.
func (o *scoreOptions) scorer(ctx context.Context, g *globalOptions) (*answerScorer, error) {
	if o.Server != "" {
		return o.dial(ctx)
	}
	return o.open(ctx, g)
}

// scoreQueue holds the lines that are not answered yet. Where the reward compares the
// answers to one prompt those of the last prompt wait here until another one or the end
// of the input shows that the group is complete.
type scoreQueue struct {
	s     *answerScorer
	lines []scoreLine
	group int // number of the last group, from 1
	size  int // its lines, all of which are in lines
}

// add answers the lines of a batch that wait for no others. Those before a bad one are
// still answered, but for a group that it tears apart.
func (q *scoreQueue) add(ctx context.Context, batch []inputLine, w *bufio.Writer) error {
	var bad error
	for _, line := range batch {
		if line.blank() {
			continue
		}
		l, err := q.s.read(line)
		if err == nil && q.s.groups {
			err = q.join(line, &l)
		}
		if err != nil {
			bad = err
			break
		}
		q.lines = append(q.lines, l)
	}
	if err := q.answer(ctx, w, len(q.lines)-q.size); err != nil {
		return err
	}
	return bad
}

// join puts a line into the group of the line before it, or into one of its own.
func (q *scoreQueue) join(line inputLine, l *scoreLine) error {
	if n := len(q.lines); n == 0 || q.lines[n-1].sample.Prompt != l.sample.Prompt {
		q.group, q.size = q.group+1, 0
	}
	if q.size == maxScoreGroup {
		return line.errorf("a group must have at most %d answers", maxScoreGroup)
	}
	q.size++
	l.sample.Group = q.group
	return nil
}

// answer scores and writes the first n lines.
func (q *scoreQueue) answer(ctx context.Context, w *bufio.Writer, n int) error {
	err := q.s.score(ctx, q.lines[:n])
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	for _, l := range q.lines[:n] {
		if err := l.write(w, q.s.terms); err != nil {
			return err
		}
	}
	q.lines = slices.Delete(q.lines, 0, n)
	return nil
}

// answerScorer scores lines by the reward of a task, or by that of a server.
type answerScorer struct {
	server  *client.Client // nil = by model
	model   *reward.Model
	scorers reward.Scorers
	vectors embed.Embedder // nil = none
	match   *task.Matcher
	terms   []string
	groups  bool // the reward compares the answers to one prompt
	known   *reward.References
	task    *task.Task
}

// close ends what the scorer asks.
func (s *answerScorer) close() {
	s.scorers.Close()
	embed.Close(s.vectors)
}

// open makes the scorer, which is to be closed. A reward of texts alone needs no embedder.
func (o *scoreOptions) open(ctx context.Context, g *globalOptions) (s *answerScorer, err error) {
	spec, err := reward.ParseSpec(o.Reward)
	if err != nil {
		return nil, inputError(err)
	}
	s = &answerScorer{terms: spec.Columns(), groups: spec.Groups()}
	opened := s
	defer func() {
		if err != nil {
			opened.close()
		}
	}()
	t := &task.Task{} // lines that give their references need none, unless the reward is calibrated on one
	switch {
	case o.Task == "" && spec.NeedsVectors():
		return nil, errNoTask(", as " + spec.Name + " is calibrated on the answers to a task")
	case o.Task != "":
		if t, err = o.openTask(ctx, g); err != nil {
			return nil, err
		}
	}
	if spec.NeedsVectors() {
		if s.vectors, err = o.openEmbedder(g); err != nil {
			return nil, err
		}
	}
	if s.match, err = o.matcher("", g); err != nil {
		return nil, err
	}
	if s.scorers, err = o.openScorers(spec, g); err != nil {
		return nil, err
	}
	var answers map[string]string
	if len(t.Items) > 0 {
		if answers, err = o.parentAnswers(ctx, t, t.Items, g); err != nil {
			return nil, err
		}
	}
	if s.model, err = reward.New(ctx, spec, t, answers, s.vectors, s.match, s.scorers...); err != nil {
		return nil, rewardError(err)
	}
	if spec.Memory() {
		g.Log.Info("the reward's memory is off here: every answer is scored as at the start of a run")
	}
	s.known, s.task = reward.NewReferences(t, answers, s.match), t
	return s, nil
}

// scoreLine is one line of the input and what came of it.
type scoreLine struct {
	fields []jsonField
	sample reward.Sample
	score  reward.Score

	given      *string // the reference that stands in the line
	finish     string
	strict     *bool // whether the answer is right, where the section answer counts
	normalized *bool
}

// drop takes fields out of the line.
func (l *scoreLine) drop(names ...string) {
	l.fields = slices.DeleteFunc(l.fields, func(f jsonField) bool { return slices.Contains(names, f.name) })
}

// jsonField is one field of an object, in its order.
type jsonField struct {
	name  string
	value json.RawMessage
}

// read takes the fields that score needs; what the output adds is dropped.
func (s *answerScorer) read(line inputLine) (scoreLine, error) {
	var raw map[string]json.RawMessage
	if err := line.decode(&raw); err != nil {
		return scoreLine{}, err
	}
	var prompt, response, reference, finish *string
	for name, v := range map[string]**string{"prompt": &prompt, "response": &response, "reference": &reference, "finish": &finish} {
		if text, ok := raw[name]; ok && json.Unmarshal(text, v) != nil {
			return scoreLine{}, line.errorf("prompt, response, reference and finish must be JSON strings")
		}
	}
	var accepted []string
	if text, ok := raw["accepted"]; ok && json.Unmarshal(text, &accepted) != nil {
		return scoreLine{}, line.errorf("accepted must be a list of JSON strings")
	}
	if finish != nil && !slices.Contains([]string{"eos", "stop", "length"}, *finish) {
		return scoreLine{}, line.errorf("finish must be eos, stop or length (got %q)", *finish)
	}
	if prompt == nil || response == nil {
		return scoreLine{}, line.errorf("must have the fields prompt and response")
	}
	l := scoreLine{
		fields: slices.DeleteFunc(objectFields(line.Text), s.writes),
		sample: reward.Sample{Prompt: *prompt, Response: *response, Cut: finish != nil && *finish == "length"},
		given:  reference,
	}
	if finish != nil {
		l.finish = *finish
	}
	l.sample.Columns = columns(l.fields)
	if s.server == nil {
		l.score.Err = s.known.Fill(&l.sample, reference)
	}
	l.sample.Accepted = slices.Concat(l.sample.Accepted, accepted)
	return l, nil
}

// writes says that score writes this field itself.
func (s *answerScorer) writes(f jsonField) bool {
	return f.name == "reward" || f.name == "terms" || f.name == "error" ||
		s.match != nil && (f.name == exactField || f.name == normalizedField)
}

// Fields that tell whether the response is right, where the section answer counts.
const (
	exactField      = "exact_match"
	normalizedField = "exact_match_normalized"
)

// objectFields lists the fields of an object that has been decoded before.
func objectFields(text string) []jsonField {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.Token() // {
	var out []jsonField
	for dec.More() {
		name, err := dec.Token()
		var f jsonField
		if err != nil || dec.Decode(&f.value) != nil {
			break
		}
		f.name, _ = name.(string)
		out = append(out, f)
	}
	return out
}

// score fills in the scores of the lines that have a reference.
func (s *answerScorer) score(ctx context.Context, lines []scoreLine) error {
	if s.server != nil {
		return s.ask(ctx, lines)
	}
	var samples []reward.Sample
	var at []int
	for i := range lines {
		l := &lines[i]
		if a := l.sample; s.match != nil && a.Reference != "" {
			strict, normalized := s.match.Strict(a.Response, a.Reference, a.Accepted), s.match.Normalized(a.Response, a.Reference, a.Accepted)
			l.strict, l.normalized = &strict, &normalized
		}
		if l.score.Err == nil {
			samples, at = append(samples, l.sample), append(at, i)
		}
	}
	for k, score := range s.model.Score(ctx, samples) {
		lines[at[k]].score = score
	}
	return nil
}

// write prints the object with its score.
func (l scoreLine) write(w *bufio.Writer, terms []string) error {
	fields := l.fields
	add := func(name string, v any) error {
		text, err := json.Marshal(v)
		fields = append(fields, jsonField{name, text})
		return err
	}
	if l.score.Err != nil {
		if err := add("error", l.score.Err.Error()); err != nil {
			return err
		}
	} else {
		if err := add("reward", l.score.Reward); err != nil {
			return err
		}
		values := make([]jsonField, len(terms))
		for i, name := range terms {
			text, err := json.Marshal(l.score.Terms[i])
			if err != nil {
				return err
			}
			values[i] = jsonField{name, text}
		}
		fields = append(fields, jsonField{"terms", object(values)})
	}
	if l.strict != nil && l.normalized != nil {
		if err := errors.Join(add(exactField, *l.strict), add(normalizedField, *l.normalized)); err != nil {
			return err
		}
	}
	_, err := w.Write(append(object(fields), '\n'))
	return err
}

// object writes fields as a JSON object, in their order.
func object(fields []jsonField) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(f.name) // a string always has a JSON form
		b.Write(name)
		b.WriteByte(':')
		b.Write(f.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}
