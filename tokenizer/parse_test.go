package tokenizer

import (
	"strings"
	"testing"
)

// small is a tokenizer.json with %-marks to be replaced by the tests.
const small = `{"version":"1.0","added_tokens":[ADDED],"normalizer":NORM,"pre_tokenizer":PRE,"post_processor":POST,` +
	`"decoder":DEC,"model":MODEL}`

const smallBPE = `{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}`

// spell fills in parts of small, in pairs name, text.
func spell(pairs ...string) string {
	s := small
	for i := 0; i < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
	}
	return strings.NewReplacer("ADDED", "", "NORM", "null", "PRE", "null", "POST", "null", "DEC", "null", "MODEL", smallBPE).Replace(s)
}

func addedJSON(id, content, rest string) string {
	return `{"id":` + id + `,"content":"` + content + `","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true` + rest + `}`
}

func TestParseErrors(t *testing.T) {
	model := func(s string) string { return spell("MODEL", s) }
	for _, tc := range []struct{ name, json, want string }{
		{"empty", "", "unexpected end of JSON input"},
		{"not json", "hello", "invalid character 'h' looking for beginning of value"},
		{"list", "[]", "must be an object (got array)"},
		{"two values", "{} {}", "must be one JSON value"},
		{"not utf-8", "{\"version\":\"\xff\"}", "must be UTF-8"},
		{"version", `{"version":"2.0"}`, `version: must be 1.0 (got "2.0")`},
		{"unknown field", `{"modle":{}}`, `unknown field "modle"`},
		{"no model", `{}`, "model: must be there"},
		{"model type", model(`{"type":"Char"}`), `model: type must be one of BPE, WordPiece, Unigram, WordLevel (got "Char")`},
		{"model without type", model(`{}`), `model: field "type" must be there`},
		{"model is a list", model(`[]`), "model: must be an object (got [])"},
		{"model field", model(`{"type":"BPE","vocab":{},"merges":[],"cache":1}`), `model: unknown field "cache"`},
		{"dropout", model(`{"type":"BPE","dropout":0.1,"vocab":{},"merges":[]}`), "model: dropout must be 0, it makes ids random (got 0.1)"},
		{"vocab missing", model(`{"type":"BPE","merges":[]}`), "vocab: must be an object (got null)"},
		{"vocab list", model(`{"type":"BPE","vocab":[],"merges":[]}`), "vocab: must be an object (got [])"},
		{"id type", model(`{"type":"BPE","vocab":{"a":"x"},"merges":[]}`), `vocab["a"]: id must be a whole number in [0, 2147483647] (got "x")`},
		{"id negative", model(`{"type":"BPE","vocab":{"a":-1},"merges":[]}`), `vocab["a"]: id must be a whole number in [0, 2147483647] (got -1)`},
		{"id fraction", model(`{"type":"BPE","vocab":{"a":1.0},"merges":[]}`), `vocab["a"]: id must be a whole number in [0, 2147483647] (got 1.0)`},
		{"id object", model(`{"type":"BPE","vocab":{"a":{"b":[1,"}"]}, "c":1},"merges":[]}`), `vocab["a"]: id must be a whole number in [0, 2147483647] (got {"b":[1,"}"]})`},
		{"id huge", model(`{"type":"BPE","vocab":{"a":2000000000},"merges":[]}`), `vocab["a"]: id must be below 65540 in a vocabulary of 1 tokens (got 2000000000)`},
		{"id beyond", model(`{"type":"BPE","vocab":{"a":99999999999},"merges":[]}`), `vocab["a"]: id must be a whole number in [0, 2147483647] (got 99999999999)`},
		{"id twice", model(`{"type":"BPE","vocab":{"a":1,"b":1},"merges":[]}`), `vocab["b"]: id must be used once (got 1, of "a" too)`},
		{"merges missing", model(`{"type":"BPE","vocab":{}}`), "merges: must be a list (got null)"},
		{"merge of three", model(`{"type":"BPE","vocab":{"a":0},"merges":["a a a"]}`), `merges[0]: must be two tokens with one space between (got "a a a")`},
		{"merge short", model(`{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}`), `merges[0]: must be two tokens (got ["a"])`},
		{"merge type", model(`{"type":"BPE","vocab":{"a":0},"merges":[["a",1]]}`), `merges[0]: must be two tokens (got ["a",1])`},
		{"merge unknown", model(`{"type":"BPE","vocab":{"a":0,"aa":1},"merges":[["a","a"],["aa","b"]]}`), `merges[1]: "b" must be in the vocabulary`},
		{"merge result", model(`{"type":"BPE","vocab":{"a":0},"merges":[["a","a"]]}`), `merges[0]: "aa" must be in the vocabulary`},
		{"merge prefix", model(`{"type":"BPE","continuing_subword_prefix":"##","vocab":{"a":0},"merges":[["a","a"]]}`), `merges[0]: right part must begin with "##" (got "a")`},
		{"unk", model(`{"type":"BPE","unk_token":"<unk>","vocab":{"a":0},"merges":[]}`), `model: unk_token: "<unk>" must be in the vocabulary`},
		{"wordpiece field", model(`{"type":"WordPiece","vocab":{"a":0},"unk_token":"a"}`), `model: field "continuing_subword_prefix" must be there`},
		{"wordpiece unk", model(`{"type":"WordPiece","vocab":{"a":0},"unk_token":"b","continuing_subword_prefix":"##","max_input_chars_per_word":1}`), `model: unk_token: "b" must be in the vocabulary`},
		{"wordpiece limit", model(`{"type":"WordPiece","vocab":{"a":0},"unk_token":"a","continuing_subword_prefix":"##","max_input_chars_per_word":-1}`), "model: max_input_chars_per_word must not be negative (got -1)"},
		{"unigram vocab", model(`{"type":"Unigram","unk_id":0}`), "vocab: must be a list"},
		{"unigram entry", model(`{"type":"Unigram","unk_id":0,"vocab":[["a",0],["b"]]}`), `model: vocab: entry must be a token and its score (got ["b"])`},
		{"unigram unk", model(`{"type":"Unigram","unk_id":1,"vocab":[["a",0]]}`), "model: unk_id must be an id of the vocabulary, unknown characters need it"},
		{"unigram twice", model(`{"type":"Unigram","unk_id":0,"vocab":[["a",0],["a",1]]}`), `vocab[1]: token must be there once (got "a")`},
		{"word level", model(`{"type":"WordLevel","vocab":{}}`), `model: field "unk_token" must be there`},
		{"added type", spell("ADDED", `1`), "added_tokens[0]: must be an object (got number)"},
		{"added field", spell("ADDED", `{"id":1}`), `added_tokens[0]: field "content" must be there`},
		{"added surplus", spell("ADDED", addedJSON("3", "<s>", `,"rank":1`)), `added_tokens[0]: unknown field "rank"`},
		{"added id", spell("ADDED", addedJSON("7", "<s>", "")), `added_tokens[0]: id of "<s>" must be 3, that of the vocabulary or the next one after it (got 7)`},
		{"added id of the vocabulary", spell("ADDED", addedJSON("3", "b", "")), `added_tokens[0]: id of "b" must be 1, that of the vocabulary or the next one after it (got 3)`},
		{"added id huge", spell("ADDED", addedJSON("5000000000", "<s>", "")), "added_tokens[0]: id must lie in [0, 2147483647] (got 5000000000)"},
		{"added twice", spell("ADDED", addedJSON("3", "<s>", "")+","+addedJSON("3", "<s>", "")), `added_tokens[1]: token must be new and not empty once normalised (got "<s>")`},
		{"normalizer", spell("NORM", `{"type":"Precompile"}`), `normalizer: type must be one of BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents (got "Precompile")`},
		{"normalizer in a list", spell("NORM", `{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lower"}]}`), `normalizer: normalizers[1]: type must be one of BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents (got "Lower")`},
		{"normalizer null in a list", spell("NORM", `{"type":"Sequence","normalizers":[null]}`), "normalizer: normalizers[0]: must be an object"},
		{"normalizer field", spell("NORM", `{"type":"NFC","x":1}`), `normalizer: unknown field "x"`},
		{"bert", spell("NORM", `{"type":"BertNormalizer"}`), `normalizer: field "clean_text" must be there`},
		{"pattern", spell("NORM", `{"type":"Replace","pattern":{},"content":""}`), "normalizer: pattern: must have either String or Regex"},
		{"empty pattern", spell("NORM", `{"type":"Replace","pattern":{"String":""},"content":""}`), "normalizer: pattern: String must not be empty"},
		{"charsmap", spell("NORM", `{"type":"Precompiled","precompiled_charsmap":"AAAA"}`), "normalizer: precompiled_charsmap: must hold a trie and its text in base64"},
		{"pre-tokenizer", spell("PRE", `{"type":"UnicodeScripts"}`), `pre_tokenizer: type must be one of BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, Split, Whitespace, WhitespaceSplit (got "UnicodeScripts")`},
		{"regex", spell("PRE", `{"type":"Split","pattern":{"Regex":"a(?<=b)"},"behavior":"Isolated","invert":false}`), `pre_tokenizer: pattern: regex: "(?<=" at byte 1 must be supported syntax (pattern "a(?<=b)")`},
		{"behavior", spell("PRE", `{"type":"Split","pattern":{"String":"a"},"behavior":"Kept","invert":false}`), `pre_tokenizer: behavior must be one of Contiguous, Isolated, MergedWithNext, MergedWithPrevious, Removed (got "Kept")`},
		{"metaspace mark", spell("PRE", `{"type":"Metaspace","replacement":"__"}`), `pre_tokenizer: replacement must be one character (got "__")`},
		{"metaspace scheme", spell("PRE", `{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}`), `pre_tokenizer: prepend_scheme must be one of always, first, never (got "last")`},
		{"metaspace clash", spell("PRE", `{"type":"Metaspace","replacement":"_","add_prefix_space":false}`), `pre_tokenizer: prepend_scheme must be never where add_prefix_space is false (got "always")`},
		{"delimiter", spell("PRE", `{"type":"CharDelimiterSplit","delimiter":""}`), `pre_tokenizer: delimiter must be one character (got "")`},
		{"field type", spell("PRE", `{"type":"ByteLevel","add_prefix_space":"no","trim_offsets":true}`), `pre_tokenizer: field "add_prefix_space" must be a bool (got string)`},
		{"post-processor", spell("POST", `{"type":"Template"}`), `post_processor: type must be one of BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing (got "Template")`},
		{"post-processor id", spell("POST", `{"type":"BertProcessing","sep":["b",9],"cls":["a",0]}`), "post_processor: id must be in the vocabulary (got 9)"},
		{"post-processor pair", spell("POST", `{"type":"BertProcessing","sep":["b"],"cls":["a",0]}`), "post_processor: sep: must be a token and its id"},
		{"template token", spell("POST", `{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}}],"pair":[],"special_tokens":{}}`), `post_processor: single[0]: token "x" must be in special_tokens`},
		{"template sequence", spell("POST", `{"type":"TemplateProcessing","single":[{"Sequence":{"id":"B","type_id":0}}],"pair":[],"special_tokens":{}}`), "post_processor: single[0]: must be a SpecialToken or the Sequence A"},
		{"decoder", spell("DEC", `{"type":"CTC"}`), `decoder: type must be one of BPEDecoder, ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece (got "CTC")`},
		{"decoder in a list", spell("DEC", `{"type":"Sequence","decoders":[{"type":"Strip"}]}`), `decoder: decoders[0]: field "content" must be there`},
		{"decoder strip", spell("DEC", `{"type":"Strip","content":"ab","start":0,"stop":0}`), `decoder: must strip one character, from 0 times (got "ab", start 0, stop 0)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.json))
			if err == nil {
				t.Fatal("no error")
			}
			if got := strings.TrimPrefix(err.Error(), "tokenizer.json: "); got != tc.want {
				t.Errorf("error\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}
