package run

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/config"
	"pgsrm/custom"
	"pgsrm/embed"
	"pgsrm/hf"
	"pgsrm/judge"
	"pgsrm/parent"
	"pgsrm/remote"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/task"
)

// badConfigs holds the whole message of each file of testdata/*.bad.yaml, after
// the name of the file.
var badConfigs = map[string]string{
	"best_child_without_metric":   "2: best.child: must be last where best.metric is empty (got \"best\")",
	"best_metric":                 "2: best.metric: must be one of eval/train/exact_match, eval/train/semantic, eval/train/chrf, eval/train/reward, eval/train/distinct_1, eval/train/distinct_2, eval/train/mean_length, eval/held_out/exact_match, eval/held_out/semantic, eval/held_out/chrf, eval/held_out/reward, eval/held_out/distinct_1, eval/held_out/distinct_2, eval/held_out/mean_length (got \"eval/held_out/exact_mach\", did you mean eval/held_out/exact_match?)",
	"best_metric_normalized":      "2: best.metric: must be one of eval/train/exact_match, eval/train/semantic, eval/train/chrf, eval/train/reward, eval/train/distinct_1, eval/train/distinct_2, eval/train/mean_length, eval/held_out/exact_match, eval/held_out/semantic, eval/held_out/chrf, eval/held_out/reward, eval/held_out/distinct_1, eval/held_out/distinct_2, eval/held_out/mean_length, exact_match_normalized only where answer.normalize is on (got \"eval/train/exact_match_normalized\")",
	"best_mode":                   "2: best.mode: must be one of max, min (got \"most\")",
	"early_stopping_metric":       "3: early_stopping.metric: must be one of eval/train/exact_match, eval/train/semantic, eval/train/chrf, eval/train/reward, eval/train/distinct_1, eval/train/distinct_2, eval/train/mean_length, eval/held_out/exact_match, eval/held_out/semantic, eval/held_out/chrf, eval/held_out/reward, eval/held_out/distinct_1, eval/held_out/distinct_2, eval/held_out/mean_length (got \"reward\")",
	"early_stopping_patience":     "2: early_stopping.patience: must be between 0 and 1000000000 (got -1)",
	"early_stopping_unevaluated":  "2: early_stopping.patience: must be 0 where eval_every is 0, as nothing is evaluated on the way (got 3)",
	"early_stopping_no_metric":    "2: early_stopping.patience: must be 0 where neither early_stopping.metric nor best.metric is set (got 3)",
	"chat_attempts":               "3: chat.server.attempts: must be between 1 and 1000 (got 0)",
	"chat_format":                 "2: chat.format: must be one of auto, schema, json, text (got \"xml\")",
	"chat_key":                    "3: chat.server: unknown key \"api_key\", must be one of key_env, timeout_s, attempts, give_up_s, concurrency, requests_per_minute, tokens_per_minute, max_reply_mb",
	"chat_key_for_its_name":       "3: chat.server.key_env: must be the name of an environment variable in capitals, not a key",
	"chat_placeholder":            "2: chat.user: placeholder must be one of {instruction}, {prompt}, {input} (got {question})",
	"chat_price":                  "2: chat.price_output: must be between 0 and 1000000000 (got -0.6)",
	"secret_in_embedder":          "1: embedder: url: must not have a user, a password or a query, keys belong into the environment (got \"http://[redacted]@gpu7:8080\")",
	"secret_in_parent":            "1: parent: url: must not have a user, a password or a query, keys belong into the environment (got \"https://[redacted]@example.org/v1?[redacted]\")",
	"beta_of_one":                 "2: optimizer.beta1: must be at least 0 and below 1 (got 1)",
	"chat_template_date":          "1: chat_template.date: must be YYYY-MM-DD (got \"today\")",
	"answer_after":                "2: answer.after: must have at most 200 characters (got 201)",
	"answer_normalize":            "1: answer.normalize: must be one of auto, on, off (got \"yes\")",
	"answer_pattern":              "2: answer.pattern: must be a regular expression (RE2): error parsing regexp: missing closing ): `(a` (got \"(a\")",
	"chat_template_use":           "2: chat_template.use: must be one of auto, on, off (got \"never\")",
	"chat_template_variables":     "1: chat_template.variables: must be a JSON object (got int)",
	"duplicate_key":               "2: key \"seed\" stands twice",
	"embedding_batch":             "1: embedding.batch_items: must be between 0 and 2048 (got 5000)",
	"embedding_encoding":          "1: embedding.encoding: must be one of base64, float (got \"int8\")",
	"embedding_key":               "3: embedding.server: unknown key \"api_key\", must be one of key_env, timeout_s, attempts, give_up_s, concurrency, requests_per_minute, tokens_per_minute, max_reply_mb",
	"custom_reward_batch":         "1: custom_reward.batch: must be a whole number between 1 and 4096 (got \"all\")",
	"custom_reward_key":           "1: custom_reward.key_env: must be the name of an environment variable in capitals, not a key",
	"custom_reward_timeout":       "1: custom_reward.timeout_s: must be between 0.001 and 31536000 (got 0)",
	"judge_key_for_its_name":      "1: judge.server.key_env: must be the name of an environment variable in capitals, not a key",
	"judge_max_text":              "1: judge.max_text: must be between 1 and 1000000 (got 0)",
	"judge_mode":                  "1: reward.judge.mode: must be absolute or pairwise (got \"pairs\")",
	"judge_rubric":                "1: reward.judge.rubric: a template must hold {response} (got \"Is {reference} better?\")",
	"judge_scale":                 "1: reward.judge.scale: must be a whole number between 2 and 100 (got 1)",
	"judge_scale_of_exact":        "3: reward.terms[0].scale: must not be set for exact (got 5)",
	"judge_without_model":         "1: reward.judge.text: must be openai:MODEL@URL or openai:MODEL (got \"gpt-4o-mini\")",
	"exec_without_command":        "1: reward.exec.text: must be given, as in exec(\"...\") (got \"\")",
	"embedding_key_for_its_name":  "1: embedding.server.key_env: must be the name of an environment variable in capitals, not a key",
	"embedding_prompt_and_prefix": "1: embedding.prompt: must be empty where prefix is set (got \"query\")",
	"embedding_too_long":          "1: embedding.too_long: must be one of cut, error (got \"drop\")",
	"empty_child":                 "1: child: must not be empty",
	"empty_embedder":              "1: embedder: must not be empty",
	"empty_parent":                "1: parent: must not be empty",
	"failure_share_above_one":     "1: max_failure_share: must be between 0 and 1 (got 2)",
	"fraction_for_a_whole_number": "1: episodes: must be a whole number between 1 and 1000000000000 (got \"1.5\")",
	"greedy_training":             "2: rollout.temperature: must be between 0.0001 and 100 (got 0)",
	"grpo_without_groups":         "3: rollout.samples_per_prompt: must be at least 2 for grpo with a baseline of the group (got 1)",
	"infinite_temperature":        "2: rollout.temperature: must be between 0.0001 and 100 (got +Inf)",
	"kl_place":                    "3: ppo.kl.place: must be one of none, reward, loss (got \"somewhere\")",
	"list_for_a_text":             "1: task: must be a text (got a list)",
	"nan_temperature":             "2: rollout.temperature: must be between 0.0001 and 100 (got NaN)",
	"lora_without_targets":        "1: lora.targets: must name at least one module (got none)",
	"negative_alpha":              "1: lora.alpha: must be between 0 and 1000000 (got -8)",
	"negative_beta":               "2: optimizer.beta2: must be at least 0 and below 1 (got -0.5)",
	"negative_checkpoint_every":   "1: checkpoint_every: must be between 0 and 1000000000 (got -1)",
	"negative_decay":              "2: optimizer.weight_decay: must be between 0 and 1000 (got -0.01)",
	"negative_eval_every":         "1: eval_every: must be between 0 and 1000000000 (got -1)",
	"negative_eval_prompts":       "1: eval_prompts: must be between 0 and 1000000000 (got -1)",
	"negative_keep_checkpoints":   "1: keep_checkpoints: must be between 0 and 1000000000 (got -1)",
	"negative_log_samples":        "1: log_samples: must be between 0 and 1000000 (got -1)",
	"negative_min_p":              "2: rollout.min_p: must be between 0 and 1 (got -0.1)",
	"negative_rank":               "1: lora.rank: must be between 0 and 4096 (got -1)",
	"negative_rate":               "2: schedule.lr: must be between 0 and 1000000 (got -1)",
	"negative_response":           "2: rollout.max_new_tokens: must be between 0 and 1048576 (got -1)",
	"negative_seed":               "1: seed: must be a whole number between 0 and 18446744073709551615 (got \"-1\")",
	"negative_threads":            "1: threads: must be between 0 and 1024 (got -2)",
	"negative_top_k":              "2: rollout.top_k: must be between 0 and 1000000 (got -1)",
	"no_episodes":                 "1: episodes: must be between 1 and 1000000000000 (got 0)",
	"no_prompts":                  "2: rollout.prompts_per_step: must be between 1 and 65536 (got 0)",
	"no_samples":                  "2: rollout.samples_per_prompt: must be between 1 and 65536 (got 0)",
	"not_a_mapping":               "1: must be a section of keys (got a list)",
	"not_yaml":                    " not YAML: yaml: line 2: did not find expected ',' or ']'",
	"null_for_a_number":           "1: episodes: must be a whole number between 1 and 1000000000000 (got nothing)",
	"ppo_option":                  "2: ppo.lambda: must be between 0 and 1 (got 1.5)",
	"replay_beyond_keep":          "2: replay.per_prompt: must be at most keep, 4 (got 5)",
	"replay_when":                 "2: replay.when: must be one of missing, always (got \"never\")",
	"rollout_stop_empty":          "2: rollout.stop: must hold texts of 1 to 1024 bytes (got one of 0)",
	"rollout_stop_many":           "1: rollout.stop: must have at most 64 texts (got 65)",
	"section_is_a_list":           "1: optimizer: must be a section of keys (got a list)",
	"section_is_a_number":         "1: rollout: must be a section of keys (got \"7\")",
	"term_without_weight":         "3: reward.terms[0].weight: must be other than 0 (got 0)",
	"terms_are_a_section":         "3: reward.terms: must be a list (got a section)",
	"text_for_a_number":           "2: rollout.temperature: must be a number between 0.0001 and 100 (got \"hot\")",
	"text_for_a_switch":           "1: measure_kl: must be true or false (got \"perhaps\")",
	"text_for_a_whole_number":     "1: episodes: must be a whole number between 1 and 1000000000000 (got \"many\")",
	"top_p_above_one":             "2: rollout.top_p: must be between 0 and 1 (got 1.01)",
	"two_documents":               "2: must be one document (got a second one)",
	"unknown_algorithm":           "1: algorithm: must be one of ppo, grpo, rloo, paper, raft, sft, gkd, none (got \"dpo\")",
	"unknown_key":                 "1: unknown key \"tsak\", must be one of preset, task, data, child, chat_template, parent, chat, embedder, embedding, reward, custom_reward, judge, arm, answer, algorithm, lora, ppo, grpo, rloo, paper, raft, sft, gkd, rollout, replay, preference, optimizer, schedule, episodes, seed, eval_every, eval_prompts, eval_best_of, measure_kl, checkpoint_every, keep_checkpoints, best, early_stopping, log_samples, max_failure_share, look, recompute, threads, out (did you mean task?)",
	"unknown_key_in_section":      "2: rollout: unknown key \"temperatur\", must be one of prompts_per_step, samples_per_prompt, temperature, top_k, top_p, min_p, max_new_tokens, stop, missing_eos_penalty (did you mean rollout.temperature?)",
	"unknown_key_of_algorithm":    "2: ppo: unknown key \"clip\", must be one of cliprange, cliprange_value, vf_coef, gamma, lambda, num_ppo_epochs, num_minibatches, target_kl, whiten, whiten_floor, baseline, scale_rewards, history_decay, kl, entropy, max_grad_norm, value_warmup, value_detached, value_lr_factor",
	"unknown_preset":              "1: preset: must be one of lexical, paper, pretrained, sentence (got \"best\")",
	"unknown_reward":              "1: reward: must be one of pgsrm, pgsrm-1, pgsrm-paper, binary, a kind of term (exact, strict, cosine, shifted, euclidean, calibrated, centered, moved, nearer, csls, contrastive, domain, chrf, contains, regex, json, numeric, levenshtein, rouge_l, bleu, length, brevity, ended, repetition, copy_penalty, overlap, repeats, novel, success, progress, exec, http, judge, preferred, custom) or an expression of these (got \"pgsmr\", did you mean pgsrm?)",
	"unknown_reward_name":         "2: reward.name: must be one of pgsrm, pgsrm-1, pgsrm-paper, binary, a kind of term (exact, strict, cosine, shifted, euclidean, calibrated, centered, moved, nearer, csls, contrastive, domain, chrf, contains, regex, json, numeric, levenshtein, rouge_l, bleu, length, brevity, ended, repetition, copy_penalty, overlap, repeats, novel, success, progress, exec, http, judge, preferred, custom) or an expression of these (got \"pgsmr\", did you mean pgsrm?)",
	"unknown_schedule":            "2: schedule.kind: must be one of constant, linear, cosine (got \"step\")",
	"unknown_task":                "1: task: must be one of colors, opposites, categories, copy, sentiment, a file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, also with .gz or .zst), - or hf:datasets/ORG/NAME (got \"colours\", did you mean colors?)",
	"formula_and_terms":           "4: reward.terms: must not be set beside formula",
	"formula_of_unknown_term":     "3: reward.formula: must be one of pgsrm, pgsrm-1, pgsrm-paper, binary, a kind of term (exact, strict, cosine, shifted, euclidean, calibrated, centered, moved, nearer, csls, contrastive, domain, chrf, contains, regex, json, numeric, levenshtein, rouge_l, bleu, length, brevity, ended, repetition, copy_penalty, overlap, repeats, novel, success, progress, exec, http, judge, preferred, custom) or an expression of these (got \"fadd\", did you mean fade?)",
	"unknown_term":                "3: reward.terms[0].kind: must be one of exact, strict, cosine, shifted, euclidean, calibrated, centered, moved, nearer, csls, contrastive, domain, chrf, contains, regex, json, numeric, levenshtein, rouge_l, bleu, length, brevity, ended, repetition, copy_penalty, overlap, repeats, novel, success, progress, exec, http, judge, preferred, custom (got \"cosin\", did you mean cosine?)",
	"zero_eps":                    "2: optimizer.eps: must be between 1e-16 and 1 (got 0)",
}

func TestBadConfigs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata: %v, %v", files, err)
	}
	listed := map[string]bool{}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".bad.yaml")
		listed[name] = true
		want, ok := badConfigs[name]
		if !ok {
			t.Errorf("%s: not listed in badConfigs", path)
		}
		_, err := Load(path, nil)
		if !errors.Is(err, ErrConfig) {
			t.Errorf("%s: got error %v, want one of the configuration", path, err)
			continue
		}
		if got := strings.TrimPrefix(err.Error(), path+":"); got != want || strings.Contains(got, "\n") {
			t.Errorf("%q: %q,", name, got)
		}
	}
	for name := range badConfigs {
		if !listed[name] {
			t.Errorf("badConfigs: %s has no file", name)
		}
	}
}

func TestOpenEmptySectionsKeepDefaults(t *testing.T) {
	got, err := Load("testdata/open_empty.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestGoodConfig(t *testing.T) {
	got, err := Load("testdata/good.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	options := OfPreset("pretrained", true).Options
	options.GRPO.Beta, options.PPO.KL.Coef = 0.1, 0.2
	chat := parent.DefaultChatOptions()
	chat.Name, chat.System, chat.User, chat.Format = "lab", "{instruction} Be brief.", "{input}", "text"
	chat.Temperature, chat.Seed, chat.MaxTokens, chat.MaxAnswer, chat.PriceInput, chat.PriceOutput = 0.5, 7, 32, 20, 0.15, 0.6
	chat.Server = remote.Options{
		KeyEnv: "LAB_KEY", TimeoutS: 30, Attempts: 3, GiveUpS: 60, Concurrency: 2, RequestsPerMinute: 100, TokensPerMinute: 5000, MaxReplyMB: 1,
	}
	embedding := embed.DefaultSettings()
	embedding.Name, embedding.Prefix, embedding.TooLong, embedding.Dimensions = "lab-vectors", "query: ", "error", 256
	embedding.Encoding, embedding.BatchItems, embedding.BatchTokens = "float", 16, 4000
	embedding.Server.KeyEnv, embedding.Server.Concurrency = "", 3
	judges := judge.DefaultSettings()
	judges.Name, judges.Temperature, judges.Seed, judges.MaxTokens, judges.MaxText, judges.PriceInput, judges.PriceOutput = "lab-judge", -1, 3, 64, 500, 0.1, 0.4
	judges.Server.KeyEnv, judges.Server.Concurrency = "", 2
	want := Config{
		Preset: "pretrained", Task: "opposites", Data: task.Options{HeldOut: 0.2, Limit: 30}, Child: "models/mine", ChatTemplate: ChatTemplate{"on", "Be brief.", "2026-11-23", `{"enable_thinking":false}`}, Parent: "file:answers.jsonl", Chat: chat, Embedder: "file:vectors.txt", Embedding: embedding,
		Answer:       task.AnswerOptions{Normalize: "off", After: "####", FirstLine: true, Pattern: "(.*)", LastNumber: true, AllowInput: true},
		Reward:       reward.Spec{Name: "0.5*exact+contrastive(tau=0.05)", Formula: "0.5*exact + contrastive(tau=0.05)"},
		CustomReward: custom.Settings{TimeoutS: 5, Batch: 32, Pure: true, Version: "2", Concurrency: 1},
		Judge:        judges,
		LoRA:         LoRA{Rank: 4, Alpha: 8, Targets: []string{"q_proj", "v_proj"}, RSLoRA: true},
		Algorithm:    "grpo", Options: options,
		Rollout:    Rollout{4, 3, 0.9, 40, 0.95, 0.01, 3, hf.Stop{"\n", "User:"}, 0.5},
		Replay:     rl.ReplayOptions{Keep: 8, When: "always", RatioMin: 0.2, RatioMax: 2},
		Preference: rl.PreferenceOptions{Update: "online", Updates: 7, LR: 0.01, MaxGradNorm: 2},
		Optimizer:  Optimizer{0.8, 0.99, 1e-6, 0.1},
		Schedule:   rl.Schedule{Kind: "cosine", LR: 1e-4, Warmup: 10, Final: 0.1},
		Episodes:   100, Seed: math.MaxUint64, EvalEvery: 5, EvalPrompts: 10, CheckpointEvery: 7, LogSamples: 2,
		Best: Best{"eval/train/exact_match_normalized", "max", "best"}, EarlyStopping: EarlyStopping{4, 0.01, "eval/held_out/mean_length", "min"},
		MaxFailureShare: 0.25, Look: "on", Threads: 3, Out: "runs/good",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n, steps := got.EpisodesPerStep(), got.Steps(); n != 12 || steps != 9 {
		t.Errorf("12 episodes a step and 9 steps (100/12, rounded up): got %d and %d", n, steps)
	}
}

func TestResolvedConfigReadsBack(t *testing.T) {
	for _, path := range []string{"", "testdata/good.yaml"} {
		for _, preset := range Presets() {
			cfg, err := Load(path, []config.Setting{{From: "--preset", Key: "preset", Value: preset}})
			if err != nil {
				t.Fatal(err)
			}
			text, err := cfg.marshal()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
			again, err := Load(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(cfg, again); diff != "" {
				t.Errorf("%q, preset %s:\n%s", path, preset, diff)
			}
		}
	}
}

func TestPresetFollowsChildAndTaskUnlessNamed(t *testing.T) {
	for _, c := range []struct{ child, task, preset, want string }{
		{"builtin:tiny", "colors", "", "lexical"}, {"builtin:tiny", "copy", "", "sentence"}, {"builtin:tiny", "copy", "paper", "paper"},
		{"./smol", "copy", "", "pretrained"}, {"hf:ORG/NAME", "colors", "", "pretrained"}, {"./smol", "colors", "lexical", "lexical"},
	} {
		cfg, err := Load("", []config.Setting{{Key: "child", Value: c.child}, {Key: "task", Value: c.task}, {Key: "preset", Value: c.preset}})
		if err != nil || cfg.Preset != c.want {
			t.Errorf("child %s, task %s, preset %q: got %q, %v, want %q", c.child, c.task, c.preset, cfg.Preset, err, c.want)
		}
	}
}

// What a pretrained child is trained with depends on whether all its weights are,
// and gives way to what is given.
func TestPretrainedPreset(t *testing.T) {
	child := config.Setting{Key: "child", Value: "./smol"}
	full, lora := OfPreset("pretrained", false), OfPreset("pretrained", true)
	if full.Schedule.LR >= lora.Schedule.LR || full.Schedule.LR >= Default().Schedule.LR || full.Episodes >= Default().Episodes {
		t.Errorf("all weights must learn slower than adapters and than the built-in child: got %+v, %+v", full, lora)
	}
	// By their published defaults GRPO ends on one answer to all prompts, RLOO on none that ends (docs/experiments.md).
	if o := full.Options; o.PPO.Entropy.Target == 0 || o.GRPO.Entropy != o.PPO.Entropy || o.RLOO.Entropy != o.PPO.Entropy || o.GRPO.Beta == 0 || o.RLOO.Beta != o.PPO.KL.Coef {
		t.Errorf("whatever the algorithm, the entropy is held and a KL keeps the language: got %+v", o)
	}
	for _, c := range []struct {
		set  []config.Setting
		want float64
	}{
		{[]config.Setting{child}, full.Schedule.LR},
		{[]config.Setting{child, {Key: "lora.rank", Value: "8"}}, lora.Schedule.LR},
		{[]config.Setting{{Key: "lora.rank", Value: "8"}, child, {Key: "schedule.lr", Value: "1e-5"}}, 1e-5},
	} {
		got, err := Load("", c.set)
		if err != nil || got.Schedule.LR != c.want || got.Episodes != full.Episodes {
			t.Errorf("%v: got %v, %d episodes, %v, want %v", c.set, got.Schedule.LR, got.Episodes, err, c.want)
		}
	}
}

// A task whose references come from a parent has no kind of its own: that of the
// answers in a file counts, and without one the parent decides.
func TestPresetOfATaskWithoutReferences(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bare := write("bare.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}\n")
	partly := write("partly.jsonl", "{\"prompt\":\"a\",\"reference\":\"red\"}\n{\"prompt\":\"b\"}\n")
	words := write("words.jsonl", "{\"prompt\":\"a\",\"answer\":\"red\"}\n{\"prompt\":\"b\",\"answer\":\"blue\"}\n")
	texts := write("texts.jsonl", "{\"prompt\":\"a\",\"answer\":\"it is red\"}\n{\"prompt\":\"b\",\"answer\":\"blue\"}\n")
	for _, c := range []struct {
		task, parent, preset, want, from string
	}{
		{bare, "openai:m@http://h", "", "", byParent},
		{bare, "openai:m@http://h", "lexical", "lexical", "--preset"},
		{bare, "file:" + words, "", "lexical", byAnswers},
		{bare, "file:" + texts, "", "sentence", byAnswers},
		{partly, "openai:m@http://h", "", "lexical", byKind},
		{"colors", "openai:m@http://h", "", "lexical", byKind},
	} {
		settings := []config.Setting{{From: "--task", Key: "task", Value: c.task}, {From: "--parent", Key: "parent", Value: c.parent}}
		if c.preset != "" {
			settings = append(settings, config.Setting{From: "--preset", Key: "preset", Value: c.preset})
		}
		r, err := Resolve(config.File{}, settings)
		if err != nil {
			t.Fatal(err)
		}
		if r.Preset != c.want || r.Origin("preset").Name != c.from {
			t.Errorf("%s, %s: got %s by %s", c.task, c.parent, r.Preset, r.Origin("preset").Name)
		}
	}
	_, err := Resolve(config.File{}, []config.Setting{{From: "--task", Key: "task", Value: bare}, {From: "--parent", Key: "parent", Value: "file:none"}})
	if !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), "--parent: ") {
		t.Errorf("got %v", err)
	}
}

func TestSettings(t *testing.T) {
	cfg, err := Load("testdata/good.yaml", []config.Setting{
		{From: "--task", Key: "task", Value: "colors"}, {From: "--set rollout.top_k", Key: "rollout.top_k", Value: "7"}, {From: "--reward", Key: "reward", Value: "binary"},
		{From: "--set ppo.kl.coef", Key: "ppo.kl.coef", Value: "0"}, {From: "--out", Key: "out", Value: "12"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Task != "colors" || cfg.Rollout.TopK != 7 || cfg.Reward.Name != "binary" || cfg.Options.PPO.KL.Coef != 0 || cfg.Out != "12" {
		t.Errorf("settings must be laid over the file (got %+v)", cfg)
	}
	for _, c := range []struct{ key, value, want string }{
		{"lora.ranks", "1", `--set lora.ranks: unknown key "lora.ranks", must be one of rank, alpha, targets, rslora (did you mean lora.rank?)`},
		{"rollout.tpo_k", "1", `--set rollout.tpo_k: unknown key "rollout.tpo_k", must be one of prompts_per_step, samples_per_prompt, temperature, top_k, top_p, min_p, max_new_tokens, stop, missing_eos_penalty (did you mean rollout.top_k?)`},
		{"seed.x", "1", `--set seed.x: unknown key "seed.x" (did you mean seed?)`},
		{"rollout", "1", `--set rollout: must be a section of keys (got "1")`},
		{"rollout.top_k", "many", `--set rollout.top_k: must be a whole number between 0 and 1000000 (got "many")`},
		{"rollout.top_k", "", `--set rollout.top_k: must be a whole number between 0 and 1000000 (got "")`},
		{"rollout.top_p", "[", `--set rollout.top_p: must be a number between 0 and 1 (got "[")`},
		{"rollout.top_p", "2", `--set rollout.top_p: must be between 0 and 1 (got 2)`},
		{"task", "colours", `--set task: must be one of colors, opposites, categories, copy, sentiment, a file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, also with .gz or .zst), - or hf:datasets/ORG/NAME (got "colours", did you mean colors?)`},
		{"reward", "exact+", `--set reward: must go on with a term, a function, a number or a parenthesis at its end (got "exact+")`},
	} {
		s, err := config.ParseSetting(c.key + "=" + c.value)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Load("", []config.Setting{s}); !errors.Is(err, ErrConfig) || err.Error() != c.want {
			t.Errorf("%s=%s:\n got %v\nwant %s", c.key, c.value, err, c.want)
		}
	}
	if _, err := config.ParseSetting("rollout.top_k"); err == nil || err.Error() != `--set: must be KEY=VALUE (got "rollout.top_k")` {
		t.Errorf("setting without a value: got %v", err)
	}
}

func TestDifferenceNamesTheKey(t *testing.T) {
	a, b := Default(), Default()
	if key, _, _ := config.Difference(a, b); key != "" {
		t.Errorf("equal configurations: got %q", key)
	}
	b.Options.PPO.KL.Coef = 7
	if key, inA, inB := config.Difference(a, b); key != "ppo.kl.coef" || inA != "0.015" || inB != "7" {
		t.Errorf("got %q %q %q", key, inA, inB)
	}
}

// FuzzConfig shows that no file brings the reader down and that every mistake
// is one line.
func FuzzConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := lay("", false, nil, config.File{Name: "f", Text: text}, nil)
		if err != nil && (strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "f:")) {
			t.Errorf("error must be one line that names the file (got %q)", err)
		}
	})
}

var update = flag.Bool("update", false, "write the types and defaults of docs/configuration.md anew")

// docs/configuration.md names every key in the order of Config, with its type,
// its bounds and its default.
func TestConfigurationPage(t *testing.T) {
	const path = "../docs/configuration.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	keys := described()
	if *update {
		text = updatePage(t, text, keys)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page := config.ParsePage(string(text))
	for i, k := range keys {
		if i >= len(page.Entries) {
			t.Fatalf("%s is not described", k.Name)
		}
		e := page.Entries[i]
		if e.Key != k.Name {
			t.Fatalf("entry %d must be %s (got %s)", i+1, k.Name, e.Key)
		}
		if len(e.Text) == 0 || e.Section != (k.Section && k.Name != "reward") {
			t.Errorf("%s: must have a text and be a section or a key (got %+v)", k.Name, e)
		}
		if want := typeOf(k, e.Type); e.Type != want {
			t.Errorf("%s: the page has the type %s, want %s", k.Name, e.Type, want)
		}
		if want := defaultOf(k, e.Default); e.Default != want {
			t.Errorf("%s: the page has the default %s, want %s", k.Name, e.Default, want)
		}
	}
	if n := len(page.Entries); n != len(keys) {
		t.Errorf("the page has %d entries, want %d", n, len(keys))
	}
}

// described are the keys that have an entry of their own; those of a reward have
// one together.
func described() []config.Key {
	c := Default()
	return slices.DeleteFunc(config.Keys(&c), func(k config.Key) bool { return strings.HasPrefix(k.Name, "reward.") })
}

// typeOf is the type of a key in the page; the page has words of its own for texts.
func typeOf(k config.Key, page string) string {
	switch want := k.Type(); {
	case k.Section && k.Name != "reward":
		return ""
	case want == "<text>" || want == "<list>" || want == "<section>":
		return page
	default:
		return want
	}
}

// defaultOf is the default of a key in the page, which has words for those that
// follow from other values.
func defaultOf(k config.Key, page string) string {
	switch {
	case k.Section && k.Name != "reward":
		return ""
	case slices.Contains([]string{"preset", "reward", "out"}, k.Name):
		return page
	}
	return fmt.Sprint(k.Value.Interface())
}

// updatePage writes types and defaults into the lines of the keys.
func updatePage(t *testing.T, text []byte, keys []config.Key) []byte {
	page := string(text)
	entries := config.ParsePage(page).Entries
	head, rest, _ := strings.Cut(page, "\n## Keys\n")
	var out strings.Builder
	n := 0
	for line := range strings.Lines(rest) {
		inner := strings.TrimLeft(line, " ")
		if len(inner) < len(line)-3 && (strings.HasPrefix(inner, "[ ") || strings.HasSuffix(inner, ":\n") && !strings.HasPrefix(inner, "#")) {
			if n < len(keys) && n < len(entries) && entries[n].Key == keys[n].Name && !entries[n].Section {
				e, k := entries[n], keys[n]
				name := e.Key[strings.LastIndex(e.Key, ".")+1:]
				line = strings.Repeat(" ", len(line)-len(inner)) + fmt.Sprintf("[ %s: %s | default = %s ]\n", name, typeOf(k, e.Type), defaultOf(k, e.Default))
			}
			n++
		}
		out.WriteString(line)
	}
	return []byte(head + "\n## Keys\n" + out.String())
}

// Every configuration in docs/parents.md can be used as it is.
func TestConfigurationsOfTheParentsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/parents.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	if len(blocks) != 5 {
		t.Errorf("got %d configurations, want one for each of five servers", len(blocks))
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		path := filepath.Join(t.TempDir(), "run.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if c, err := Load(path, nil); err != nil || !strings.HasPrefix(c.Parent, "openai:") {
			t.Errorf("%v\n%s", err, text)
		}
	}
}
