package rl

import (
	"fmt"
	"io"
	"strings"
)

// Metric documents one metric name.
type Metric struct {
	Name    string // a part in <> stands for any word
	Unit    string
	By      string // algorithms that report it, or "run"
	Formula string
}

// Algorithms that report what others do too.
const (
	drawing  = "ppo grpo rloo paper raft gkd none" // they draw answers; of sft these are measured at evaluations alone, by run
	training = "ppo grpo rloo paper raft sft gkd"  // they train
)

// Table returns the metrics. It is the one place where metric names are defined. Notation: mean over i
// is over the samples that were not dropped, mean over t over their response
// tokens, mb over the tokens of a minibatch, then plainly over the minibatches
// of the update; old, ref and new are the log-probabilities of the sampler, the
// reference and the policy in training. Names without the prefix pgsrm/ are
// TRL's where it has one, with its meaning.
func Table() []Metric {
	return []Metric{
		{"objective/kl", "nats per response", drawing, "mean_i sum_t (old - ref); absent without a reference"},
		{"objective/entropy", "nats per response", drawing, "mean_i sum_t (-old)"},
		{"objective/scores", "reward", drawing, "mean_i of the reward; equal to reward"},
		{"objective/non_score_reward", "reward", drawing, "mean_i sum_t (-kl_coef * kl_t) with the KL in the reward, else 0"},
		{"objective/rlhf_reward", "reward", drawing, "objective/scores + objective/non_score_reward"},
		{"policy/approxkl_avg", "nats per token", "ppo grpo rloo", "mean_mb 0.5 * (new - old)^2"},
		{"policy/clipfrac_avg", "share of tokens (rloo: of responses)", "ppo grpo rloo", "mean_mb [clipped surrogate is the larger loss]"},
		{"policy/entropy_avg", "nats per token", training, "mean_mb of the entropy of the sampled distribution"},
		{"clip_ratio/low_mean", "share of tokens", "grpo", "mean_mb [ratio < 1 - epsilon_low and A < 0]"},
		{"clip_ratio/high_mean", "share of tokens", "grpo", "mean_mb [ratio > 1 + epsilon_high and A > 0]"},
		{"loss/policy_avg", "advantage", training, "the policy term of the loss; its formula is in the algorithm's page"},
		{"loss/value_avg", "reward^2", "ppo paper", "ppo: 0.5 * mean_mb max((V - R)^2, (clip(V) - R)^2); paper: mean_i (V - R)^2; without vf_coef"},
		{"loss/kl_avg", "nats per token", "ppo grpo paper", "the KL term of the loss, without its coefficient, when the KL is in the loss"},
		{"loss/total_avg", "advantage", training, "the whole loss whose gradient is taken"},
		{"val/ratio", "1", "ppo grpo rloo", "mean_mb exp(new - old); rloo: of whole responses"},
		{"val/clipfrac_avg", "share of tokens", "ppo", "mean_mb [clipped value error is the larger]"},
		{"reward", "reward", drawing, "mean_i of the reward"},
		{"reward_std", "reward", drawing, "standard deviation over i (n-1)"},
		{"rewards/<term>/mean", "reward", "run", "mean_i of one term of the reward, without its weight"},
		{"rewards/<term>/std", "reward", "run", "standard deviation over i (n-1) of one term"},
		{"completions/mean_length", "tokens", drawing, "mean_i T, EOS included"},
		{"completions/min_length", "tokens", drawing, "least T"},
		{"completions/max_length", "tokens", drawing, "largest T"},
		{"completions/clipped_ratio", "share of responses", "run", "mean_i [the response was cut at the length limit]"},
		{"val/num_eos_tokens", "tokens", "run", "responses that ended by EOS"},
		{"eval/<split>/exact_match", "share of answers", "run", "greedy answers equal to the reference or an accepted one; split is train or held_out, of a [mixture](format/tasks.md#mixtures) also `train/<task>` and `held_out/<task>`"},
		{"eval/<split>/exact_match_normalized", "share of answers", "run", "likewise, quotes, Markdown, final punctuation and articles not counting; not for a built-in child whose answer section is off"},
		{"eval/<split>/semantic", "cosine", "run", "mean cosine of greedy answers and references; an answer without meaning counts 0"},
		{"eval/<split>/chrf", "share", "run", "mean sentence chrF of greedy answers and references"},
		{"eval/<split>/distinct_1", "share of words", "run", "distinct words / words of all greedy answers"},
		{"eval/<split>/distinct_2", "share of pairs", "run", "distinct word pairs / word pairs of all greedy answers"},
		{"eval/<split>/mean_length", "words", "run", "mean number of words of a greedy answer"},
		{"eval/<split>/reward", "reward", "run", "mean reward of the greedy answers that have one"},
		{"eval/<split>/n", "answers", "run", "greedy answers measured"},
		{"eval/<split>/failed", "answers", "run", "greedy answers without a cosine because the embedder failed"},
		{"lr", "1", "all", "learning rate of the trunk in this update"},
		{"pgsrm/dropped", "responses", drawing, "responses without a reward; they take part in nothing"},
		{"pgsrm/grad_norm", "gradient", training, "Euclidean norm of the gradient before clipping, mean over the steps"},
		{"pgsrm/steps", "steps", training, "optimiser steps of the update"},
		{"pgsrm/chosen", "responses", "raft", "responses that were kept and trained on"},
		{"pgsrm/early_stop", "0 or 1", "ppo", "1 if approxkl exceeded target_kl"},
		{"pgsrm/kl_coef", "reward per nat", "ppo grpo rloo paper", "coefficient of the KL in this update"},
		{"pgsrm/kl_token", "nats per token", drawing, "mean_t (old - ref); absent without a reference"},
		{"pgsrm/entropy_coef", "advantage per nat", "ppo grpo rloo paper", "coefficient of the entropy bonus in this update"},
		{"pgsrm/first_ratio_max_dev", "1", training, "largest |ratio - 1| over the tokens of the first minibatch; anything but 0 is an error"},
		{"pgsrm/explained_variance", "1", "ppo paper", "1 - Var(R - V) / Var(R) over t (paper: over i); absent when Var(R) = 0"},
		{"pgsrm/advantage_std", "reward", "ppo grpo rloo paper", "standard deviation (n-1) of the advantages before whitening or scaling, over t (rloo, grpo, paper: over i); ppo: after scale_rewards"},
		{"pgsrm/replayed", "responses", "run", "hits of earlier rollouts that were trained on again; with replay only"},
		{"pgsrm/replay_ratio", "1", "run", "mean over them of the bounded importance ratio clamp(exp(sum_t new - sum_t old), ratio_min, ratio_max), old that of the weights that sampled them; absent without any"},
		{"pgsrm/searched", "responses", "run", "answers tried beside the rollout for prompts without a hit, only to find one; with replay.search above 0 only"},
		{"pgsrm/found", "responses", "run", "of these, those that were right, which are remembered for replay"},
		{"pgsrm/preference_loss", "nats per pair", "run", "-log sigmoid(s(parent's answer) - s(answer)) before the head learned from the step, mean over the answers that are not right; with preference.update: online and the term preferred"},
		{"pgsrm/preference_accuracy", "share of pairs", "run", "mean of [s(parent's answer) > s(answer)] over the same"},
		{"pgsrm/frac_groups_without_signal", "share of prompts", drawing, "prompts whose kept samples all earned the same, of those with one; absent with one sample per prompt"},
	}
}

// writeTable writes Table as Markdown: the body of docs/metrics.md.
func writeTable(w io.Writer) error {
	var s strings.Builder
	s.WriteString("| name | unit | reported by | formula |\n|---|---|---|---|\n")
	for _, m := range Table() {
		fmt.Fprintf(&s, "| `%s` | %s | %s | %s |\n", m.Name, m.Unit, m.By, strings.ReplaceAll(m.Formula, "|", `\|`))
	}
	_, err := io.WriteString(w, s.String())
	return err
}

// Known reports whether Table defines the name.
func Known(name string) bool {
	for _, m := range Table() {
		if matches(m.Name, name) {
			return true
		}
	}
	return false
}

// matches compares word by word; a word in <> matches any.
func matches(pattern, name string) bool {
	p, n := strings.Split(pattern, "/"), strings.Split(name, "/")
	if len(p) != len(n) {
		return false
	}
	for i := range p {
		if p[i] != n[i] && !strings.HasPrefix(p[i], "<") {
			return false
		}
	}
	return true
}
