package hf

import (
	"fmt"
	"slices"
	"strings"

	"pgsrm/tokenizer"
)

// splitting is how the text is cut into words before byte-level BPE, which GGUF files
// only name.
type splitting struct {
	names        []string // in tokenizer.ggml.pre; the first is the one written
	nfc          bool     // the text is normalised first
	stages       []string // patterns whose matches become words, one after the other, or digits
	ignoreMerges bool     // a word that is a token needs no merges
	addBOS       bool     // unless the file says otherwise
}

// digits is the stage that makes each digit a word.
const digits = `\p{N}`

// Patterns without a scanner of their own.
const (
	patternTekken = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|` +
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|` +
		` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternGPT4o = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|` +
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|` +
		` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternDeepSeek = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|" +
		` ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// splittings are the names known. Each pattern is that of the tokenizer.json of the
// models for which the name was made.
var splittings = []splitting{
	{names: []string{"gpt-2", "phi-2"}, stages: []string{tokenizer.PatternGPT2}},
	{names: []string{"olmo", "mpt"}, nfc: true, stages: []string{tokenizer.PatternGPT2}},
	{names: []string{"smollm", "starcoder", "refact", "codeshell"}, stages: []string{digits, tokenizer.PatternGPT2}},
	{names: []string{"command-r"}, nfc: true, stages: []string{digits, tokenizer.PatternGPT2}},
	{names: []string{"llama-bpe", "llama3", "llama-v3"}, stages: []string{tokenizer.PatternLlama3}, ignoreMerges: true, addBOS: true},
	{names: []string{"dbrx", "smaug-bpe"}, stages: []string{tokenizer.PatternLlama3}},
	{names: []string{"qwen2", "deepseek-r1-qwen"}, nfc: true, stages: []string{tokenizer.PatternQwen2}},
	{names: []string{"tekken"}, stages: []string{patternTekken}, ignoreMerges: true, addBOS: true},
	{names: []string{"gpt-4o"}, stages: []string{patternGPT4o}},
	{names: []string{"deepseek-v3"}, stages: []string{`\p{N}{1,3}`, `[一-龥぀-ゟ゠-ヿ]+`, patternDeepSeek}},
	{names: []string{"deepseek-coder"}, stages: []string{`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, `[一-龥ࠀ-一가-퟿]+`, digits}},
	// what llama.cpp does with files that name nothing
	{names: []string{"default"}, stages: []string{`[\p{P}\$\+<=>\^~\|]+`, tokenizer.PatternGPT2, `\p{N}+`, `[0-9][0-9][0-9]`}},
}

// findSplitting is the splitting of a name.
func findSplitting(name string) (splitting, error) {
	var known []string
	for _, s := range splittings {
		if slices.Contains(s.names, name) {
			return s, nil
		}
		known = append(known, s.names...)
	}
	slices.Sort(known)
	return splitting{}, fmt.Errorf("%s must be one of %s (got %.100q)", keyPre, strings.Join(known, ", "), name)
}

// object is a JSON object to be written.
type object = map[string]any

// json are normalizer and pre_tokenizer of a tokenizer.json.
func (s splitting) json() (normalizer, pre any) {
	if s.nfc {
		normalizer = object{"type": "NFC"}
	}
	var list []any
	own := s.stages[len(s.stages)-1] == tokenizer.PatternGPT2 // ByteLevel has it
	for i, stage := range s.stages {
		switch {
		case stage == digits:
			list = append(list, object{"type": "Digits", "individual_digits": true})
		case !own || i < len(s.stages)-1:
			list = append(list, object{"type": "Split", "pattern": object{"Regex": stage}, "behavior": "Isolated", "invert": false})
		}
	}
	list = append(list, object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": own})
	if len(list) == 1 {
		return normalizer, list[0]
	}
	return normalizer, object{"type": "Sequence", "pretokenizers": list}
}

// stagesOf are the stages of a pre_tokenizer of a tokenizer.json; ok is false where it
// has parts that no name stands for.
func stagesOf(pre any) (stages []string, ok bool) {
	part, _ := pre.(object)
	get := func(name string) string { s, _ := part[name].(string); return s }
	is := func(name string, value bool) bool { b, given := part[name].(bool); return given && b == value }
	switch get("type") {
	case "Sequence":
		list, _ := part["pretokenizers"].([]any)
		for i, one := range list {
			more, ok := stagesOf(one)
			last, _ := one.(object)
			if !ok || (last["type"] == "ByteLevel") != (i == len(list)-1) {
				return nil, false
			}
			stages = append(stages, more...)
		}
		return stages, len(list) > 0
	case "Digits":
		return []string{digits}, is("individual_digits", true)
	case "Split":
		pattern, _ := part["pattern"].(object)
		regex, ok := pattern["Regex"].(string)
		whole := get("behavior") == "Isolated" && is("invert", false) || get("behavior") == "Removed" && is("invert", true)
		return []string{regex}, ok && whole
	case "ByteLevel":
		if is("use_regex", false) {
			return nil, is("add_prefix_space", false)
		}
		return []string{tokenizer.PatternGPT2}, is("add_prefix_space", false)
	}
	return nil, false
}
