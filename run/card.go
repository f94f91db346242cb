package run

import (
	"fmt"
	"path/filepath"
	"strings"

	"pgsrm/hf"
)

// cardSamples is the number of prompts whose answers a model card shows.
const cardSamples = 8

// describe gives the trained child its model card: what the files of the run say of it.
// Paths and addresses stay out of it, but for the command.
func (r *run) describe() error {
	when := "at its end"
	if r.childStep() != r.done {
		when = "of this child"
	}
	c := hf.Card{
		Title: fmt.Sprintf("%s, trained on %s by %s", r.startName, ShortName(r.task.Name), r.cfg.Reward.Name),
		Base:  HubName(r.cfg.Child), Tags: []string{"reinforcement-learning", r.cfg.Algorithm},
		Made: r.cardMade(), Command: r.command, Program: r.program,
		Note: "Greedy answers, before training and " + when + ". Exact match is strict, normalised without quotes, Markdown, final punctuation and articles; " +
			"likeness is the mean cosine with the reference under the embedder; KL is that of sampled answers from the child as it began, in nats per answer.",
		Origin: fmt.Sprintf("Training began with the weights of %s (SHA-256 of the parameters %s).", r.startName, r.startSHA),
		Own:    Builtin(r.cfg.Child) && r.startName != givenModel,
	}
	var err error
	if c.Results, err = r.cardResults(); err != nil {
		return err
	}
	if c.Samples, err = r.cardAnswers(); err != nil {
		return err
	}
	r.model.Describe(c)
	return nil
}

// cardMade is how the run made the child.
func (r *run) cardMade() [][]string {
	c := r.cfg
	trained := fmt.Sprintf("all %d weights", r.model.NumParams())
	if c.LoRA.On() {
		trained = fmt.Sprintf("LoRA adapters of rank %d, alpha %g", c.LoRA.Rank, c.LoRA.Alpha)
	}
	made := [][]string{
		{"child", r.startName}, {"trained", trained}, {"task", ShortName(c.Task)}, {"reward", c.Reward.Name}, {"algorithm", c.Algorithm},
		{"parent", ShortName(c.Parent)}, {"embedder", ShortName(c.Embedder)},
		{"episodes", fmt.Sprintf("%d in %d steps of %d prompts and %d samples", r.episode(), r.done, c.Rollout.PromptsPerStep, c.Rollout.SamplesPerPrompt)},
		{"learning rate", fmt.Sprintf("%g, %s", c.Schedule.LR, c.Schedule.Kind)}, {"seed", fmt.Sprint(c.Seed)},
		{"longest answer", fmt.Sprintf("%d tokens", c.Rollout.MaxNewTokens)},
	}
	if r.stopsEarly() {
		made = append(made, []string{"stopped early", r.arbiter.reason()})
	}
	if best := r.arbiter.bestChild(); best != nil && c.Best.Child == "best" {
		made = append(made, []string{"weights", fmt.Sprintf("of step %d, the best by %s (%.4g)", best.Step, best.Metric, best.Value)})
	}
	for _, e := range r.extensions {
		made = append(made, []string{"extended", fmt.Sprintf("from %d to %d episodes at step %d", e.Before, e.Episodes, e.Step)})
	}
	if len(c.Rollout.Stop) > 0 {
		made = append(made, []string{"answers end before", fmt.Sprintf("%q", c.Rollout.Stop)})
	}
	if c.ChatTemplate.System != "" {
		made = append(made, []string{"system message", c.ChatTemplate.System})
	}
	return made
}

// cardResults are the first evaluation of the run and that of the child that it ends
// with, and the last KL before.
func (r *run) cardResults() ([][]string, error) {
	var first, last map[string]float64
	kl := ""
	_, err := ReadMetrics(r.dir.path, func(m Metrics) error {
		if m.Step > r.childStep() {
			return nil
		}
		if x, ok := m.Values["objective/kl"]; ok {
			kl = fmt.Sprintf("%.3f", x)
		}
		if len(r.evals) > 0 {
			if _, ok := m.Values["eval/"+r.evals[0].name+"/n"]; ok {
				if first == nil {
					first = m.Values
				}
				last = m.Values
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	head := []string{""}
	for _, s := range r.evals {
		name := strings.ReplaceAll(s.name, "_", "-")
		head = append(head, name+", before", name+", after")
	}
	rows := [][]string{head}
	for _, m := range []struct {
		label, name, format string
		factor              float64
	}{
		{"exact match", "exact_match", "%.1f%%", 100}, {"normalised", "exact_match_normalized", "%.1f%%", 100}, {"likeness", "semantic", "%.3f", 1},
		{"chrF", "chrf", "%.3f", 1}, {"reward", "reward", "%.3f", 1}, {"prompts", "n", "%.0f", 1},
	} {
		row := []string{m.label}
		known := false
		for _, s := range r.evals {
			for _, values := range []map[string]float64{first, last} {
				x, ok := values["eval/"+s.name+"/"+m.name]
				text := ""
				if ok {
					text, known = fmt.Sprintf(m.format, m.factor*x), true
				}
				row = append(row, text)
			}
		}
		if known {
			rows = append(rows, row)
		}
	}
	if kl != "" && len(r.evals) > 0 {
		row := make([]string, len(head))
		row[0], row[2] = "KL", kl // of train prompts, which come first
		rows = append(rows, row)
	}
	return rows, nil
}

// cardAnswers are the answers to some prompts before and after the training: those of
// the last split, which is held out where there is one.
func (r *run) cardAnswers() ([][]string, error) {
	if len(r.evals) == 0 {
		return nil, nil
	}
	chosen := r.evals[len(r.evals)-1]
	prompts := spread(chosen.prompts, cardSamples)
	place := map[string]int{}
	rows := [][]string{{"prompt", "reference", "before", "after"}}
	for i, p := range prompts {
		place[p.item.ID] = i + 1
		rows = append(rows, []string{p.item.Prompt, p.truth, "", ""})
	}
	_, err := ReadCompletions(r.dir.path, func(c Completion) error {
		i, ok := place[c.PromptID]
		if !ok || !c.Greedy || c.Split != chosen.name {
			return nil
		}
		if c.Step == 0 {
			rows[i][2] = c.Response
		}
		if c.Step == r.childStep() {
			rows[i][3] = c.Response
		}
		return nil
	})
	return rows, err
}

// givenModel stands for the name of a start child that was given as a model.
const givenModel = "a given model"

// HubName is ORG/NAME of a child of the hub, "" for another one.
func HubName(child string) string {
	rest, ok := strings.CutPrefix(child, "hf:")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "@")
	return name
}

// ShortName is a name of a child, a parent, an embedder or a task without the folders
// and the address of a server that it may hold.
func ShortName(name string) string {
	if strings.HasPrefix(name, "hf:") || strings.HasPrefix(name, "builtin") {
		return name
	}
	kind, rest, ok := strings.Cut(name, ":")
	if ok && (kind == "openai" || kind == "ollama" || kind == "tei") {
		model, _, named := strings.Cut(rest, "@")
		if !named || strings.Contains(model, "://") {
			return kind
		}
		return kind + ":" + model
	}
	if ok && kind == "file" {
		return "file:" + filepath.Base(rest)
	}
	return filepath.Base(name)
}
