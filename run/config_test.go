package run

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/embed"
	"pgsrm/parent"
	"pgsrm/remote"
	"pgsrm/reward"
	"pgsrm/rl"
)

// badConfigs holds the whole message of each file of testdata/*.bad.yaml, after
// the name of the file.
var badConfigs = map[string]string{
	"chat_attempts":               " chat.server.attempts: must be at least 1 (got 0)",
	"chat_format":                 " chat.format: must be one of auto, schema, json, text (got \"xml\")",
	"chat_key":                    "3: chat.server: unknown key \"api_key\", must be one of key_env, timeout_s, attempts, give_up_s, concurrency, requests_per_minute, tokens_per_minute, max_reply_mb",
	"chat_key_for_its_name":       " chat.server.key_env: must be the name of an environment variable in capitals, not a key",
	"chat_placeholder":            " chat.user: placeholder must be one of {instruction}, {prompt}, {input} (got {question})",
	"chat_price":                  " chat.price_output: must be a finite number of at least 0 (got -0.6)",
	"secret_in_embedder":          " embedder: url: must not have a user, a password or a query, keys belong into the environment (got \"http://[redacted]@gpu7:8080\")",
	"secret_in_parent":            " parent: url: must not have a user, a password or a query, keys belong into the environment (got \"https://[redacted]@example.org/v1?[redacted]\")",
	"beta_of_one":                 " optimizer.beta1: must be at least 0 and below 1 (got 1)",
	"chat_template_date":          " chat_template.date: must be YYYY-MM-DD (got \"today\")",
	"chat_template_use":           " chat_template.use: must be auto, on or off (got \"never\")",
	"chat_template_variables":     " chat_template.variables: must be a JSON object (got int)",
	"duplicate_key":               "2: key \"seed\" stands twice",
	"embedding_batch":             " embedding.batch_items: must be between 0 and 2048 (got 5000)",
	"embedding_encoding":          " embedding.encoding: must be base64 or float (got \"int8\")",
	"embedding_key":               "3: embedding.server: unknown key \"api_key\", must be one of key_env, timeout_s, attempts, give_up_s, concurrency, requests_per_minute, tokens_per_minute, max_reply_mb",
	"embedding_key_for_its_name":  " embedding.server.key_env: must be the name of an environment variable in capitals, not a key",
	"embedding_prompt_and_prefix": " embedding.prompt: must be empty where prefix is set (got \"query\")",
	"embedding_too_long":          " embedding.too_long: must be cut or error (got \"drop\")",
	"empty_child":                 " child: must not be empty",
	"empty_embedder":              " embedder: must not be empty",
	"empty_parent":                " parent: must not be empty",
	"failure_share_above_one":     " max_failure_share: must be between 0 and 1 (got 2)",
	"fraction_for_a_whole_number": "1: episodes: must be a whole number (got \"1.5\")",
	"greedy_training":             " rollout.temperature: must be a finite number above 0 (got 0)",
	"grpo_without_groups":         " rollout.samples_per_prompt: must be at least 2 for grpo with a baseline of the group (got 1)",
	"infinite_temperature":        " rollout.temperature: must be a finite number above 0 (got +Inf)",
	"kl_place":                    " ppo.kl.place: must be one of none, reward, loss (got \"somewhere\")",
	"list_for_a_text":             "1: task: must be a text (got a list)",
	"nan_temperature":             " rollout.temperature: must be a finite number above 0 (got NaN)",
	"lora_without_targets":        " lora.targets: must name at least one module (got none)",
	"negative_alpha":              " lora.alpha: must be a finite number of at least 0 (got -8)",
	"negative_beta":               " optimizer.beta2: must be at least 0 and below 1 (got -0.5)",
	"negative_checkpoint_every":   " checkpoint_every: must be at least 0 (got -1)",
	"negative_decay":              " optimizer.weight_decay: must be a finite number of at least 0 (got -0.01)",
	"negative_eval_every":         " eval_every: must be at least 0 (got -1)",
	"negative_eval_prompts":       " eval_prompts: must be at least 0 (got -1)",
	"negative_keep_checkpoints":   " keep_checkpoints: must be at least 0 (got -1)",
	"negative_log_samples":        " log_samples: must be at least 0 (got -1)",
	"negative_min_p":              " rollout.min_p: must be between 0 and 1 (got -0.1)",
	"negative_rank":               " lora.rank: must be at least 0 (got -1)",
	"negative_rate":               " schedule.lr: must be at least 0 (got -1)",
	"negative_response":           " rollout.max_new_tokens: must be at least 0 (got -1)",
	"negative_seed":               "1: seed: must be a whole number of at least 0 (got \"-1\")",
	"negative_threads":            " threads: must be at least 0 (got -2)",
	"negative_top_k":              " rollout.top_k: must be at least 0 (got -1)",
	"no_episodes":                 " episodes: must be at least 1 (got 0)",
	"no_prompts":                  " rollout.prompts_per_step: must be at least 1 (got 0)",
	"no_samples":                  " rollout.samples_per_prompt: must be at least 1 (got 0)",
	"not_a_mapping":               "1: must be a section of keys (got a list)",
	"not_yaml":                    " not YAML: yaml: line 2: did not find expected ',' or ']'",
	"null_for_a_number":           "1: episodes: must be a whole number (got nothing)",
	"ppo_option":                  " ppo.lambda: must be in [0, 1] (got 1.5)",
	"section_is_a_list":           "1: optimizer: must be a section of keys (got a list)",
	"section_is_a_number":         "1: rollout: must be a section of keys (got \"7\")",
	"term_without_weight":         " reward: term 1 (cosine): weight must be a finite number other than 0 (got 0)",
	"terms_are_a_section":         "3: reward.terms: must be a list (got a section)",
	"text_for_a_number":           "2: rollout.temperature: must be a number (got \"hot\")",
	"text_for_a_switch":           "1: measure_kl: must be true or false (got \"perhaps\")",
	"text_for_a_whole_number":     "1: episodes: must be a whole number (got \"many\")",
	"top_p_above_one":             " rollout.top_p: must be between 0 and 1 (got 1.01)",
	"two_documents":               "2: must be one document (got a second one)",
	"unknown_algorithm":           " algorithm: must be one of ppo, grpo, rloo, paper (got \"dpo\")",
	"unknown_key":                 "1: unknown key \"tsak\", must be one of preset, task, child, chat_template, parent, chat, embedder, embedding, reward, algorithm, lora, ppo, grpo, rloo, paper, rollout, optimizer, schedule, episodes, seed, eval_every, eval_prompts, measure_kl, checkpoint_every, keep_checkpoints, log_samples, max_failure_share, recompute, threads, out",
	"unknown_key_in_section":      "2: rollout: unknown key \"temperatur\", must be one of prompts_per_step, samples_per_prompt, temperature, top_k, top_p, min_p, max_new_tokens",
	"unknown_key_of_algorithm":    "2: ppo: unknown key \"clip\", must be one of cliprange, cliprange_value, vf_coef, gamma, lambda, num_ppo_epochs, num_minibatches, target_kl, whiten, whiten_floor, baseline, history_decay, kl, entropy, max_grad_norm, value_warmup, value_detached, value_lr_factor",
	"unknown_preset":              " preset: must be one of lexical, paper, sentence (got \"best\")",
	"unknown_reward":              "1: reward: must be one of pgsrm, pgsrm-paper, binary, a kind of term (exact, cosine, shifted, euclidean, calibrated, centered, contrastive, domain, chrf, length, repetition, copy_penalty) or a sum of these (got \"pgsmr\")",
	"unknown_reward_name":         " reward: must be one of pgsrm, pgsrm-paper, binary, a kind of term (exact, cosine, shifted, euclidean, calibrated, centered, contrastive, domain, chrf, length, repetition, copy_penalty) or a sum of these (got \"pgsmr\")",
	"unknown_schedule":            " schedule.kind: must be one of constant, linear, cosine (got \"step\")",
	"unknown_task":                " task: must be one of colors, opposites, categories, copy, sentiment, or a file named *.jsonl or *.csv (got \"colours\")",
	"unknown_term":                " reward: term 1 (cosin): kind must be one of exact, cosine, shifted, euclidean, calibrated, centered, contrastive, domain, chrf, length, repetition, copy_penalty (got \"cosin\")",
	"zero_eps":                    " optimizer.eps: must be a finite number above 0 (got 0)",
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
	options := tuned(rl.DefaultOptions())
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
	want := Config{
		Preset: "lexical", Task: "opposites", Child: "models/mine", ChatTemplate: ChatTemplate{"on", "Be brief.", "2026-11-23", `{"enable_thinking":false}`}, Parent: "file:answers.jsonl", Chat: chat, Embedder: "file:vectors.txt", Embedding: embedding,
		Reward: reward.Spec{Name: "0.5*exact+contrastive(tau=0.05)", Terms: []reward.Term{
			{Kind: "exact", Weight: 0.5}, {Kind: "contrastive", Weight: 1, Tau: 0.05},
		}},
		LoRA:      LoRA{Rank: 4, Alpha: 8, Targets: []string{"q_proj", "v_proj"}, RSLoRA: true},
		Algorithm: "grpo", Options: options,
		Rollout:   Rollout{4, 3, 0.9, 40, 0.95, 0.01, 3},
		Optimizer: Optimizer{0.8, 0.99, 1e-6, 0.1},
		Schedule:  rl.Schedule{Kind: "cosine", LR: 1e-4, Warmup: 10, Final: 0.1},
		Episodes:  100, Seed: math.MaxUint64, EvalEvery: 5, EvalPrompts: 10, CheckpointEvery: 7, LogSamples: 2,
		MaxFailureShare: 0.25, Threads: 3, Out: "runs/good",
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
		for _, preset := range presetNames() {
			cfg, err := Load(path, []Setting{{From: "--preset", Key: "preset", Value: preset}})
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

func TestPresetFollowsTheTaskUnlessNamed(t *testing.T) {
	for _, c := range []struct{ task, preset, want string }{
		{"colors", "", "lexical"}, {"copy", "", "sentence"}, {"copy", "paper", "paper"},
	} {
		cfg, err := Load("", []Setting{{Key: "task", Value: c.task}, {Key: "preset", Value: c.preset}})
		if err != nil || cfg.Preset != c.want {
			t.Errorf("task %s, preset %q: got %q, %v, want %q", c.task, c.preset, cfg.Preset, err, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	cfg, err := Load("testdata/good.yaml", []Setting{
		{"--task", "task", "colors"}, {"--set rollout.top_k", "rollout.top_k", "7"}, {"--reward", "reward", "binary"},
		{"--set ppo.kl.coef", "ppo.kl.coef", "0"}, {"--out", "out", "12"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Task != "colors" || cfg.Rollout.TopK != 7 || cfg.Reward.Name != "binary" || cfg.Options.PPO.KL.Coef != 0 || cfg.Out != "12" {
		t.Errorf("settings must be laid over the file (got %+v)", cfg)
	}
	for _, c := range []struct{ key, value, want string }{
		{"lora.ranks", "1", `--set lora.ranks: unknown key "lora.ranks", must be one of rank, alpha, targets, rslora`},
		{"rollout.tpo_k", "1", `--set rollout.tpo_k: unknown key "rollout.tpo_k", must be one of prompts_per_step, samples_per_prompt, temperature, top_k, top_p, min_p, max_new_tokens`},
		{"seed.x", "1", `--set seed.x: unknown key "seed.x"`},
		{"rollout", "1", `--set rollout: must be a section of keys (got "1")`},
		{"rollout.top_k", "many", `--set rollout.top_k: must be a whole number (got "many")`},
		{"rollout.top_k", "", `--set rollout.top_k: must be a whole number (got "")`},
		{"rollout.top_p", "[", `--set rollout.top_p: must be a number (got "[")`},
		{"rollout.top_p", "2", `--set rollout.top_p: must be between 0 and 1 (got 2)`},
		{"task", "colours", `--set task: must be one of colors, opposites, categories, copy, sentiment, or a file named *.jsonl or *.csv (got "colours")`},
		{"reward", "exact+", `--set reward: must be one of pgsrm, pgsrm-paper, binary, a kind of term (exact, cosine, shifted, euclidean, calibrated, centered, contrastive, domain, chrf, length, repetition, copy_penalty) or a sum of these (got "")`},
	} {
		s, err := ParseSetting(c.key + "=" + c.value)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Load("", []Setting{s}); !errors.Is(err, ErrConfig) || err.Error() != c.want {
			t.Errorf("%s=%s:\n got %v\nwant %s", c.key, c.value, err, c.want)
		}
	}
	if _, err := ParseSetting("rollout.top_k"); err == nil || err.Error() != `--set: must be KEY=VALUE (got "rollout.top_k")` {
		t.Errorf("setting without a value: got %v", err)
	}
}

func TestDifferenceNamesTheKey(t *testing.T) {
	a, b := Default(), Default()
	if key, _, _ := difference(a, b); key != "" {
		t.Errorf("equal configurations: got %q", key)
	}
	b.Options.PPO.KL.Coef = 7
	if key, inA, inB := difference(a, b); key != "ppo.kl.coef" || inA != "0.015" || inB != "7" {
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
		c := Default()
		err := (decoder{"f"}).decode(text, &c)
		if err != nil && (strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "f:")) {
			t.Errorf("error must be one line that names the file (got %q)", err)
		}
	})
}

// docs/configuration.md names every key and its default; the options of the
// algorithms have pages of their own.
func TestConfigurationPage(t *testing.T) {
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var walk func(v reflect.Value, text, indent string)
	walk = func(v reflect.Value, text, indent string) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if isInline(f) {
				continue
			}
			key := keyOf(f)
			if v.Field(i).Kind() == reflect.Struct && key != "reward" {
				body, ok := sectionText(text, indent+key+":\n", indent)
				if !ok {
					t.Errorf("section %s is not described", key)
				}
				walk(v.Field(i), body, indent+"  ")
				continue
			}
			line := regexp.MustCompile(`\n` + indent + `\[ ` + key + `: .* \| default = (.*) \]\n`).FindStringSubmatch(text)
			want := fmt.Sprint(v.Field(i).Interface())
			if line == nil {
				t.Errorf("key %s is not described", key)
			} else if line[1] != want && key != "preset" && key != "reward" && key != "out" {
				t.Errorf("key %s: the page has the default %s, want %s", key, line[1], want)
			}
		}
	}
	walk(reflect.ValueOf(Default()), string(page), "    ")
}

// sectionText is what stands under a header, further in than the header itself.
func sectionText(text, header, indent string) (body string, ok bool) {
	_, rest, ok := strings.Cut(text, "\n"+header)
	body = "\n"
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, indent+"  ") {
			break
		}
		body += line
	}
	return body, ok
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
