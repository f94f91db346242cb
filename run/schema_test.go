package run

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"pgsrm/config"
	"pgsrm/docs"
)

// beyondSchema are the bad files of testdata that a schema cannot tell from good
// ones: rules between values, texts of a form of their own, names that are looked up.
var beyondSchema = []string{
	"answer_pattern", "best_child_without_metric", "best_metric", "best_metric_normalized", "chat_key_for_its_name", "chat_placeholder", "chat_template_date", "chat_template_variables", "duplicate_key", "early_stopping_metric", "early_stopping_unevaluated", "early_stopping_no_metric", "embedding_key_for_its_name",
	"custom_reward_key", "exec_without_command", "embedding_prompt_and_prefix", "formula_and_terms", "formula_of_unknown_term", "grpo_without_groups", "judge_key_for_its_name", "judge_mode", "judge_rubric", "judge_scale", "judge_scale_of_exact", "judge_without_model", "lora_without_targets", "not_yaml", "replay_beyond_keep", "rollout_stop_empty", "rollout_stop_many", "secret_in_embedder", "secret_in_parent",
	"term_without_weight", "two_documents", "unknown_preset", "unknown_reward", "unknown_reward_name", "unknown_task",
}

func TestSchemaTellsGoodFilesFromBad(t *testing.T) {
	c := Default()
	text, err := json.Marshal(config.Schema(&c, "x", func(string) string { return "" }))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 70 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, bad := strings.CutSuffix(filepath.Base(path), ".bad.yaml")
		var value any
		if err := yaml.Unmarshal(text, &value); err != nil {
			if !bad {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		problem := violation(schema, value)
		switch want := bad && !slices.Contains(beyondSchema, name); {
		case want && problem == "":
			t.Errorf("%s: the schema must refuse it", path)
		case !want && problem != "":
			t.Errorf("%s: the schema must take it (%s)", path, problem)
		}
	}
}

// violation says where a value breaks a schema made of the words that Schema uses;
// "" where it does not. Other words of a schema are an error.
func violation(schema map[string]any, v any) string {
	for word, arg := range schema {
		switch word {
		case "$schema", "title", "description", "default", "properties":
		case "type":
			if types := asList(arg); !slices.ContainsFunc(types, func(t any) bool { return hasType(v, t.(string)) }) {
				return fmt.Sprintf("%v must have one of the types %v", v, types)
			}
		case "additionalProperties":
			object, _ := v.(map[string]any)
			for key, member := range object {
				sub, ok := schema["properties"].(map[string]any)[key].(map[string]any)
				if !ok {
					return "unknown key " + key
				}
				if p := violation(sub, member); p != "" {
					return key + ": " + p
				}
			}
		case "items":
			list, _ := v.([]any)
			for _, item := range list {
				if p := violation(arg.(map[string]any), item); p != "" {
					return p
				}
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				return fmt.Sprintf("%v must be one of %v", v, arg)
			}
		case "minLength":
			if s, ok := v.(string); ok && float64(len(s)) < arg.(float64) {
				return "must be longer"
			}
		case "maxLength":
			if s, ok := v.(string); ok && float64(utf8.RuneCountInString(s)) > arg.(float64) {
				return "must be shorter"
			}
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
			x, isNumber := asNumber(v)
			low := word == "minimum" && x >= arg.(float64) || word == "exclusiveMinimum" && x > arg.(float64)
			high := word == "maximum" && x <= arg.(float64) || word == "exclusiveMaximum" && x < arg.(float64)
			if isNumber && !low && !high {
				return fmt.Sprintf("%v must hold %s %v", v, word, arg)
			}
		default:
			return "the schema has a word that this test does not know: " + word
		}
	}
	return ""
}

func asList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func hasType(v any, name string) bool {
	x, isNumber := asNumber(v)
	_, isObject := v.(map[string]any)
	_, isList := v.([]any)
	_, isText := v.(string)
	_, isBool := v.(bool)
	return map[string]bool{
		"object": isObject, "array": isList, "string": isText, "boolean": isBool, "null": v == nil,
		"number": isNumber && !math.IsNaN(x), "integer": isNumber && x == math.Trunc(x),
	}[name]
}

func asNumber(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// The schema names every key with its description.
func TestSchemaDescribesEveryKey(t *testing.T) {
	c := Default()
	page := config.ParsePage(docs.Configuration)
	schema := config.Schema(&c, "x", func(key string) string {
		if e := page.Find(key); e != nil {
			return strings.Join(e.Text, " ")
		}
		return ""
	})
	for _, k := range described() {
		at := schema
		for part := range strings.SplitSeq(k.Name, ".") {
			at, _ = at["properties"].(map[string]any)[part].(map[string]any)
		}
		if text, _ := at["description"].(string); len(text) < 2 {
			t.Errorf("%s: got %v", k.Name, at)
		}
	}
}

// The file to start from means the defaults, as it is and with every line in force.
func TestStarterMeansTheDefaults(t *testing.T) {
	c := Default()
	starter := config.ParsePage(docs.Configuration).Starter(config.Keys(&c))
	load := func(text string) Config {
		t.Helper()
		r, err := Resolve(config.File{Name: "starter", Text: []byte(text)}, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return r.Config
	}
	want, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, load(starter)); d != "" {
		t.Error(d)
	}
	var all strings.Builder
	n := 0
	for line := range strings.Lines(starter) {
		if inner := strings.TrimLeft(line, " "); strings.HasPrefix(inner, "#") && !strings.HasPrefix(inner, "# ") {
			line = strings.Replace(line, "#", "", 1)
			n++
		}
		all.WriteString(line)
	}
	text := strings.Replace(all.String(), "\nreward: {name: \"\", terms: []}\n", "\n", 1)
	if d := cmp.Diff(want, load(text)); d != "" {
		t.Error(d)
	}
	keys := 0
	for _, k := range described() {
		if !k.Section || k.Name == "reward" {
			keys++
		}
	}
	if n != keys {
		t.Errorf("the file has %d keys, want %d", n, keys)
	}
	if !strings.Contains(starter, "\n  # Logits are divided by it.") || !strings.Contains(starter, "\n  #temperature: 1\n") {
		t.Errorf("got\n%s", starter)
	}
}

// Every alias stands for a key that exists, and none is a key.
func TestAliases(t *testing.T) {
	c := Default()
	var keys []string
	for _, k := range config.Keys(&c) {
		keys = append(keys, k.Name)
	}
	for alias, key := range aliases {
		if !slices.Contains(keys, key) || slices.Contains(keys, alias) {
			t.Errorf("%s: got %s", alias, key)
		}
		_, err := Load("", []config.Setting{{From: "--set " + alias, Key: alias, Value: "1"}})
		if err == nil || !strings.HasSuffix(err.Error(), "(did you mean "+key+"?)") {
			t.Errorf("%s: got %v", alias, err)
		}
	}
}
