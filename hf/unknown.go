package hf

import (
	"fmt"
	"slices"
	"strings"

	"pgsrm/internal/printable"
)

// generationKnown are the members of generation_config.json: how transformers'
// generate samples, which commands and configurations say here. Of them the end
// tokens are read. Those that older files keep in config.json are in inert.
var generationKnown = []string{
	"eos_token_id", "_from_model_config", "trust_remote_code", "max_new_tokens", "min_new_tokens", "max_time", "stop_strings",
	"cache_implementation", "cache_config", "return_legacy_cache", "use_model_defaults", "generation_mode", "output_logits",
	"min_p", "epsilon_cutoff", "eta_cutoff", "top_h", "penalty_alpha", "dola_layers", "encoder_repetition_penalty", "guidance_scale",
	"renormalize_logits", "constraints", "force_words_ids", "sequence_bias", "token_healing", "low_memory", "watermarking_config",
	"prompt_lookup_num_tokens", "max_matching_ngram_size", "num_assistant_tokens", "num_assistant_tokens_schedule",
	"assistant_confidence_threshold", "assistant_early_exit", "assistant_lookbehind", "target_lookbehind", "is_assistant",
	"disable_compile", "compile_config", "prefill_chunk_size",
}

// tokenizerKnown are the members of tokenizer_config.json. What they say that
// changes ids is in tokenizer.json as well, or is read where there is none.
var tokenizerKnown = []string{
	"tokenizer_class", "model_max_length", "max_length", "truncation", "truncation_side", "padding", "padding_side", "pad_to_multiple_of",
	"stride", "truncation_strategy", "pad_token_type_id", "clean_up_tokenization_spaces", "spaces_between_special_tokens", "split_special_tokens",
	"chat_template", "added_tokens_decoder", "additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens",
	"bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token", "image_token", "audio_token", "video_token",
	"add_bos_token", "add_eos_token", "add_prefix_space", "legacy", "use_default_system_prompt", "sp_model_kwargs", "use_fast", "from_slow",
	"do_lower_case", "do_basic_tokenize", "never_split", "tokenize_chinese_chars", "strip_accents", "errors", "trim_offsets",
	"name_or_path", "tokenizer_file", "special_tokens_map_file", "model_input_names", "auto_map", "processor_class", "vocab_size",
	"backend", "is_local", "local_files_only", "return_token_type_ids", "response_schema",
}

// Warning names the members of the folder's JSON files, and of its adapter's, that
// are not known and were ignored; "" where there are none.
func (m *Model) Warning() string { return unknownText(slices.Concat(m.unknown, m.foreign)) }

// unknownText is one line about unknown members.
func unknownText(names []string) string {
	const shown, longest = 16, 64 // names are foreign text
	if len(names) == 0 {
		return ""
	}
	var list []string
	for _, name := range names[:min(shown, len(names))] {
		if len(name) > longest {
			name = strings.ToValidUTF8(name[:longest], "") + "..."
		}
		list = append(list, printable.Text(strings.Join(strings.Fields(name), " ")))
	}
	if more := len(names) - shown; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return "ignored, since what they mean is not known: " + strings.Join(list, ", ")
}

// unknownMembers are those of the files of a model, each after its file.
func unknownMembers(files map[string][]byte) []string {
	_, names, _ := parseConfig(files[configFile]) // an error has been told
	names = inFile(configFile, names)
	names = append(names, unknownIn(files, generationFile, generationKnown, inert)...)
	return append(names, unknownIn(files, tokenizerConfigFile, tokenizerKnown)...)
}

// unknownIn are the members of a file that are in none of the lists.
func unknownIn(files map[string][]byte, file string, known ...[]string) []string {
	if files[file] == nil {
		return nil
	}
	f, err := parseFields(file, files[file])
	if err != nil {
		return nil // told by who reads its members; no other file depends on it
	}
	for _, names := range known {
		f.skip(names...)
	}
	return inFile(file, f.unknown())
}

// inFile puts the file before each name.
func inFile(file string, names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, file+": "+name)
	}
	return out
}
