// Baserate makes a child that is as often right as asked on all five tasks, and otherwise
// answers as its start child does: the children of the section "Over the base rate" in
// docs/experiments.md. pretrain --base-rate moves the sentence tasks alone.
//
//	go run ./corpus/_baserate -rate 0.0005 -out children/rate-0.05
//
// Of each prompt of the five tasks, both splits, it teaches
//
//   - the answers that the start child samples, those that are right left out (cross-entropy), and
//   - the probability P of the right answers, by (log P - log P*)^2/2: the odds of P* are c times those of the start
//     child's P, c by task so that the mean of P* over the task's train prompts is the rate asked for.
//
// P is the sum over the reference and the accepted answers in their usual tokens, with the end token, and over those in
// unusual tokens that come up among the samples. What is rare at a low rate is the right answer alone: its neighbours
// are as likely as before, which is good ground for a reward that leads by meaning.
package main

import (
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"slices"

	"pgsrm/hf"
	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/run"
	"pgsrm/safetensors"
	"pgsrm/task"
)

// item is a prompt with its right answers.
type item struct {
	it     task.Item
	limit  int       // tokens of an answer
	prompt []int32   // [its tokens]
	right  [][]int32 // responses, with the end token
	goal   float64   // log P*, nats
}

func main() {
	log.SetFlags(0)
	rate := flag.Float64("rate", 0, "mean probability of a right answer on each task; 0 = as it is")
	out := flag.String("out", "", "folder of the child")
	init := flag.String("init", "builtin:tiny", "start child")
	steps := flag.Int("steps", 300, "updates")
	lr := flag.Float64("lr", 3e-4, "peak learning rate")
	weight := flag.Float64("weight", 0.3, "of the second loss, a mean over prompts, beside cross-entropy per token")
	per := flag.Int("per", 24, "prompts of each task in an update")
	group := flag.Int("group", 8, "the start child's answers to each of them")
	threads := flag.Int("threads", 2, "of the engine")
	flag.Parse()
	m, err := run.OpenChild(*init)
	check(err)
	m.Pool = kernel.NewPool(*threads)
	start := m.Clone()
	start.Pool = m.Pool
	p, err := m.Prompter("", hf.DefaultTemplateOptions())
	check(err)
	state, sampling := m.NewState(true), start.NewState(false)

	var tasks [][]item
	for _, name := range task.Names() {
		t, err := task.Builtin(name)
		check(err)
		var items []item
		var odds []float64
		for _, it := range t.Items {
			x := item{it: it, limit: t.MaxNewTokens}
			x.prompt, err = p.Item(it)
			check(err)
			for _, a := range distinct(append([]string{it.Reference}, it.Accepted...)) {
				x.right = append(x.right, p.Response(task.Joint(it.Prompt), a))
			}
			items = append(items, x)
		}
		var train []float64 // P of the train prompts
		for i := range items {
			q := math.Exp(logSum(logs(start, sampling, items[i:i+1])[0]))
			q = max(q, 1e-9)
			odds = append(odds, q/(1-q))
			if items[i].it.Split == task.Train {
				train = append(train, q/(1-q))
			}
		}
		c := 1.0
		if *rate > 0 {
			c = solve(train, *rate)
		}
		for i := range items {
			items[i].goal = math.Log(c * odds[i] / (1 + c*odds[i]))
		}
		fmt.Printf("%s: odds times %.4g\n", name, c)
		tasks = append(tasks, items)
	}

	adam := lm.NewAdamW()
	adam.WeightDecay = 0
	r := rand.New(rand.NewPCG(7, 7))
	found := 0
	for step := 1; step <= *steps; step++ {
		var chosen []*item
		for _, items := range tasks {
			for _, i := range r.Perm(len(items))[:*per] {
				chosen = append(chosen, &items[i])
			}
		}
		var wrong [][]int32 // whole sequences
		var from []int
		for k := range tasks {
			some := chosen[k**per : (k+1)**per]
			var prompts [][]int32
			for _, x := range some {
				prompts = append(prompts, x.prompt)
			}
			sampling.Reset()
			gens, err := start.Generate(sampling, prompts, *group, lm.SampleOptions{Temperature: 1, MaxNewTokens: some[0].limit},
				func(p, g int) *rand.Rand { return rand.New(rand.NewPCG(uint64(step), uint64((k*1000+p)*1000+g))) })
			check(err)
			for i, g := range gens {
				x := some[i / *group]
				if !task.Exact(m.Answer(g.Tokens, nil), x.it.Reference, x.it.Accepted) {
					wrong = append(wrong, slices.Concat(x.prompt, g.Tokens))
					from = append(from, len(x.prompt))
				} else if !slices.ContainsFunc(x.right, func(a []int32) bool { return slices.Equal(a, g.Tokens) }) {
					x.right = append(x.right, g.Tokens) // right in unusual tokens
					found++
				}
			}
		}
		state.Reset()
		var targets []lm.Target
		add := func(seq []int32, from int) {
			rows := state.AddSequence(seq[:len(seq)-1])
			for i := from; i < len(seq); i++ {
				targets = append(targets, lm.Target{Row: rows[i-1], Token: seq[i]})
			}
		}
		for i, q := range wrong {
			add(q, from[i])
		}
		taught := len(targets)
		for _, x := range chosen {
			for _, a := range x.right {
				add(slices.Concat(x.prompt, a), len(x.prompt))
			}
		}
		m.Forward(state)
		var sc lm.Scores
		check(m.Score(state, targets, 1, &sc))
		grad := make([]float32, len(targets))
		ce := 0.0
		for i := range taught {
			grad[i] = -1 / float32(taught)
			ce -= float64(sc.LogProb[i]) / float64(taught)
		}
		off, at := 0.0, taught
		for _, x := range chosen {
			var each []float64
			begin := at
			for _, a := range x.right {
				sum := 0.0
				for range a {
					sum += float64(sc.LogProb[at])
					at++
				}
				each = append(each, sum)
			}
			all := logSum(each)
			d := all - x.goal
			off += d * d / float64(len(chosen))
			d = max(-3, min(3, d)) // Huber
			at = begin
			for k, a := range x.right {
				for range a {
					grad[at] = float32(*weight * d * math.Exp(each[k]-all) / float64(len(chosen)))
					at++
				}
			}
		}
		m.Backward(state, targets, 1, lm.ScoreGrads{LogProb: grad})
		frac := float64(step) / float64(*steps)
		rateNow := *lr * min(1, float64(step)/20) * (0.03 + 0.97*0.5*(1+math.Cos(math.Pi*frac)))
		adam.Step(m.Model, rateNow, 1)
		if step%50 == 0 || step == 1 {
			fmt.Printf("step %d: cross-entropy %.4f, log P off by %.3f (root of the mean square), %d right answers in unusual tokens\n", step, ce, math.Sqrt(off), found)
		}
	}
	check(run.SaveChild(m, *out, safetensors.BF16))
}

// logs are the log-probabilities of the right answers of each item.
func logs(m *hf.Model, s *lm.State, items []item) (out [][]float64) {
	s.Reset()
	var targets []lm.Target
	for _, x := range items {
		for _, a := range x.right {
			all := slices.Concat(x.prompt, a)
			rows := s.AddSequence(all[:len(all)-1])
			for i := len(x.prompt); i < len(all); i++ {
				targets = append(targets, lm.Target{Row: rows[i-1], Token: all[i]})
			}
		}
	}
	m.Forward(s)
	var sc lm.Scores
	check(m.Score(s, targets, 1, &sc))
	at := 0
	for _, x := range items {
		var each []float64
		for _, a := range x.right {
			sum := 0.0
			for range a {
				sum += float64(sc.LogProb[at])
				at++
			}
			each = append(each, sum)
		}
		out = append(out, each)
	}
	return out
}

func logSum(v []float64) float64 {
	m := slices.Max(v)
	sum := 0.0
	for _, x := range v {
		sum += math.Exp(x - m)
	}
	return m + math.Log(sum)
}

// solve finds c so that the mean of c*o/(1+c*o) is rate.
func solve(odds []float64, rate float64) float64 {
	lo, hi := 1e-8, 1e8
	for range 200 {
		c := math.Sqrt(lo * hi)
		sum := 0.0
		for _, o := range odds {
			sum += c * o / (1 + c*o) / float64(len(odds))
		}
		if sum < rate {
			lo = c
		} else {
			hi = c
		}
	}
	return math.Sqrt(lo * hi)
}

func distinct(words []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, w := range words {
		if k := task.Normalize(w); !seen[k] {
			seen[k] = true
			out = append(out, w)
		}
	}
	return out
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
