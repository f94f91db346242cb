package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"
)

// many is n copies of a part in a list.
func many(n int, part string) string { return strings.TrimSuffix(strings.Repeat(part+",", n), ",") }

// charsmap is a precompiled map whose every unit leads back into the array.
func charsmap(text string) string {
	units := make([]byte, 4+4*256)
	binary.LittleEndian.PutUint32(units, uint32(len(units)-4))
	for c := range 256 {
		binary.LittleEndian.PutUint32(units[4+4*c:], uint32(c)|1<<10)
	}
	for c := 'a'; c <= 'z'; c++ { // the leaf of a letter: its text begins at 0
		binary.LittleEndian.PutUint32(units[4+4*c:], uint32(c)|1<<8)
	}
	return base64.StdEncoding.EncodeToString(append(units, text...))
}

const (
	tenfold    = `{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaa"}`
	splitOf    = `{"type":"Split","pattern":{"Regex":"%s"},"behavior":"Isolated","invert":false}`
	byteLevel0 = `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}`
)

// TestHostileFiles: what a file may ask for is bounded when it is read.
func TestHostileFiles(t *testing.T) {
	long := strings.Repeat("x", maxToken+1)
	nested := func(list, inner string, n int) string {
		return strings.Repeat(`{"type":"Sequence","`+list+`":[`, n) + inner + strings.Repeat("]}", n)
	}
	seq := func(list, parts string) string { return `{"type":"Sequence","` + list + `":[` + parts + `]}` }
	const tooLong = "must make a text at most 1024 times as long (got up to "
	for _, tc := range []struct{ name, json, want string }{
		{"nine nested Replace", spell("NORM", seq("normalizers", many(9, tenfold))), "normalizer and pre_tokenizer: " + tooLong + "1e+09 times)"},
		{"chained Replace", spell("NORM", seq("normalizers", `{"type":"Replace","pattern":{"String":"a"},"content":"`+strings.Repeat("b", 40)+`"},{"type":"Replace","pattern":{"Regex":"b"},"content":"`+strings.Repeat("c", 40)+`"}`)), tooLong + "1.6e+03 times)"},
		{"Replace of nothing", spell("NORM", seq("normalizers", many(9, `{"type":"Replace","pattern":{"Regex":"x*"},"content":"yyy"}`))), tooLong},
		{"Prepend", spell("NORM", `{"type":"Prepend","prepend":"`+long+`"}`), tooLong},
		{"bytes of bytes", spell("NORM", seq("normalizers", many(20, `{"type":"ByteLevel"}`))), tooLong},
		{"bytes of bytes in words", spell("PRE", seq("pretokenizers", many(20, byteLevel0))), tooLong},
		{"decoders", spell("DEC", seq("decoders", many(9, tenfold))), "decoder: " + tooLong},
		{"forms", spell("NORM", seq("normalizers", many(9, `{"type":"NFKD"}`))), tooLong},
		{"charsmap", spell("NORM", `{"type":"Precompiled","precompiled_charsmap":"`+charsmap(long)+`"}`), tooLong},
		{"nested normalizers", spell("NORM", nested("normalizers", `{"type":"NFC"}`, 3000)), "sequences must nest at most 8 deep"},
		{"nested pre-tokenizers", spell("PRE", nested("pretokenizers", byteLevel0, 3000)), "sequences must nest at most 8 deep"},
		{"nested decoders", spell("DEC", nested("decoders", `{"type":"Fuse"}`, 3000)), "sequences must nest at most 8 deep"},
		{"nested post-processors", spell("POST", nested("processors", byteLevel0, 3000)), "sequences must nest at most 8 deep"},
		{"many normalizers", spell("NORM", seq("normalizers", many(300, `{"type":"NFC"}`))), "normalizers[255]: must be one of at most 256 parts"},
		{"many pre-tokenizers", spell("PRE", seq("pretokenizers", many(300, `{"type":"Whitespace"}`))), "pretokenizers[255]: must be one of at most 256 parts"},
		{"many patterns", spell("PRE", seq("pretokenizers", many(9, fmt.Sprintf(splitOf, "a{1000}")))), "patterns must compile to at most 8192 instructions in all"},
		{"pattern", spell("PRE", fmt.Sprintf(splitOf, strings.Repeat("(a{9}){9}", 99))), "regex: pattern must compile to at most 4096 instructions"},
		{"token", spell("MODEL", `{"type":"BPE","vocab":{"`+long+`":0},"merges":[]}`), "token must have at most 2048 bytes (got 2049)"},
		{"token of Unigram", spell("MODEL", `{"type":"Unigram","unk_id":0,"vocab":[["`+long+`",0]]}`), "token must have at most 2048 bytes (got 2049)"},
		{"score", spell("MODEL", `{"type":"Unigram","unk_id":0,"vocab":[["a",1e999]]}`), `vocab: entry must be a token and its score (got ["a",1e999])`},
		{"score that is none", spell("MODEL", `{"type":"Unigram","unk_id":0,"vocab":[["a",NaN]]}`), "invalid character 'N' looking for beginning of value"},
		{"prefix", spell("MODEL", `{"type":"BPE","continuing_subword_prefix":"`+long+`","vocab":{"a":0},"merges":[]}`), "continuing_subword_prefix and end_of_word_suffix must have at most 2048 bytes"},
		{"added token", spell("ADDED", addedJSON("3", long, "")), "added_tokens[0]: content must have at most 2048 bytes (got 2049)"},
		{"added token once normalised", spell("NORM", tenfold, "ADDED", strings.Replace(addedJSON("3", strings.Repeat("a", 2000), ""), `"normalized":false`, `"normalized":true`, 1)),
			"added_tokens[0]: token must have at most 2048 bytes once normalised (got 20000)"},
		{"texts", spell("POST", `{"type":"TemplateProcessing","single":[`+many(9, `{"Sequence":{"id":"A","type_id":0}}`)+`],"pair":[],"special_tokens":{}}`), "must make at most 4096 ids, with the text at most 8 times among them"},
		{"texts of texts", spell("POST", seq("processors", many(40, `{"type":"TemplateProcessing","single":[`+many(2, `{"Sequence":{"id":"A","type_id":0}}`)+`],"pair":[],"special_tokens":{}}`))), "must make at most 4096 ids, with the text at most 8 times among them"},
		{"ids", spell("POST", `{"type":"TemplateProcessing","single":[`+many(5000, `{"SpecialToken":{"id":"a","type_id":0}}`)+`],"pair":[],"special_tokens":{"a":{"id":"a","ids":[0],"tokens":["a"]}}}`), "must make at most 4096 ids, with the text at most 8 times among them"},
		{"size", strings.Repeat(" ", maxFile+1), "must have at most 67108864 bytes (got 67108865)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.json))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %.300v, want ... %s", err, tc.want)
			}
		})
	}
}

// TestHugeFile: a file is not read beyond its bound.
func TestHugeFile(t *testing.T) {
	dir := fstest.MapFS{"tokenizer.json": {Data: make([]byte, maxFile+1)}}
	if _, err := LoadFS(dir); err == nil || !strings.Contains(err.Error(), "tokenizer.json: must have at most 67108864 bytes") {
		t.Errorf("error = %v", err)
	}
}

// TestSlowFiles: files that are read encode long texts in a time that grows with
// the text, not with its square.
func TestSlowFiles(t *testing.T) {
	word := func(n int) string { return strings.Repeat("a", n) }
	tokens := make([]string, 0, 600) // a token of each length, so that none is found at once
	for n := 1; n < 600; n++ {
		tokens = append(tokens, fmt.Sprintf(`%q:%d`, word(n)+"b", n))
	}
	vocab := `{"[UNK]":0,` + strings.Join(tokens, ",") + `,"a":600,"##a":601}`
	const n = 300_000
	added := func(id int, content, strip string) string {
		return strings.Replace(addedJSON(fmt.Sprint(id), content, ""), strip+`":false`, strip+`":true`, 1)
	}
	for _, tc := range []struct{ name, json, text string }{
		{"split", spell("PRE", fmt.Sprintf(splitOf, "(a+)+$")), word(n) + "b"},
		{"splits", spell("PRE", `{"type":"Sequence","pretokenizers":[`+many(20, fmt.Sprintf(splitOf, "(a|a)*c"))+`]}`), word(n / 10)},
		{"wordpiece", spell("MODEL", `{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":2000000000,"vocab":`+vocab+`}`), word(n)},
		{"charsmap", spell("NORM", `{"type":"Precompiled","precompiled_charsmap":"`+charsmap("x")+`"}`), word(n)},
		{"white space", spell("ADDED", added(3, " ", "lstrip")+","+added(4, `\t`, "rstrip")+","+added(5, `\n`, "lstrip")), strings.Repeat(" \t\n", n)},
		{"merges", spell("MODEL", `{"type":"BPE","vocab":{"a":0,"aa":1,"aaaa":2},"merges":[["a","a"],["aa","aa"]]}`), word(n)},
		{"byte fallback", spell("MODEL", `{"type":"Unigram","unk_id":0,"byte_fallback":true,"vocab":[["x",0],["<0x61>",-1e308],["<0xC3>",1e308]]}`), word(n) + strings.Repeat("é", n)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := time.Now()
			tok, err := Parse([]byte(tc.json))
			if err != nil {
				t.Fatal(err)
			}
			tok.Decode(tok.EncodeSpecial(tc.text), true)
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestGrowthHolds: no chain of parts makes a text longer than its weights say, at
// any point on the way.
func TestGrowthHolds(t *testing.T) {
	parts := []string{`{"type":"NFC"}`, `{"type":"NFD"}`, `{"type":"NFKC"}`, `{"type":"NFKD"}`, `{"type":"Lowercase"}`, `{"type":"StripAccents"}`, `{"type":"Nmt"}`,
		`{"type":"ByteLevel"}`, `{"type":"Strip","strip_left":true,"strip_right":false}`, `{"type":"Prepend","prepend":"é_"}`,
		`{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":true,"lowercase":true}`,
		`{"type":"Replace","pattern":{"String":"a"},"content":"bb"}`, `{"type":"Replace","pattern":{"String":"ab"},"content":"a a a"}`, `{"type":"Replace","pattern":{"String":"bé"},"content":"ééé b"}`,
		`{"type":"Replace","pattern":{"Regex":"b|\\s*"},"content":"a-"}`, `{"type":"Replace","pattern":{"Regex":"[^a]+"},"content":"ab é"}`, `{"type":"Replace","pattern":{"Regex":"$"},"content":"b"}`,
		`{"type":"Precompiled","precompiled_charsmap":"` + charsmap("longer\x00") + `"}`}
	alphabet := []rune("aabbé \tAİⱥẞ中ﷺ½①\u0301\u0390𝅘𝅥𝅮ffi가")
	rapid.Check(t, func(t *rapid.T) {
		var all normalizers
		for _, raw := range rapid.SliceOfN(rapid.SampledFrom(parts), 1, 5).Draw(t, "parts") {
			n, err := parseNormalizer("", []byte(raw), new(nest))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
		w := newWeights()
		all.grow(w)
		text := rapid.StringOfN(rapid.SampledFrom(alphabet), 1, 12, -1).Draw(t, "text")
		limit := w.of(text)
		p := piece{text: text, id: -1}
		for i, n := range all {
			if p = n.normalize(p); float64(len(p.text)) > limit {
				t.Fatalf("%q: %d bytes after %T, number %d, want at most %v", text, len(p.text), n, i, limit)
			}
		}
	})
}

// TestGrowthOfForms: no character grows more than the forms and Lowercase are
// charged for.
func TestGrowthOfForms(t *testing.T) {
	for r := rune(0x80); r <= 0x10FFFF; r++ {
		if r >= 0xD800 && r < 0xE000 {
			continue
		}
		s := string(r)
		for _, tc := range []struct {
			n      normalizer
			factor float64
		}{{unicodeForm{}, formGrowth}, {unicodeForm{compose: true}, formGrowth}, {unicodeForm{compat: true}, compatGrowth},
			{unicodeForm{compose: true, compat: true}, compatGrowth}, {lowercase{}, lowerGrowth}} {
			if got := tc.n.normalize(piece{text: s}).text; float64(len(got)) > tc.factor*float64(len(s)) {
				t.Fatalf("%T of %U: %d bytes of %d", tc.n, r, len(got), len(s))
			}
		}
	}
}

// TestGrowthOfKnown: the chains of known tokenizers stay below the bound, even
// the longest, that of XLNet and ALBERT.
func TestGrowthOfKnown(t *testing.T) {
	tok, _ := readGolden(t, "testdata/golden/precompiled.json.gz")
	n, ok := tok.norm.(*precompiled)
	if list, isList := tok.norm.(normalizers); isList {
		for _, one := range list {
			if p, is := one.(*precompiled); is {
				n, ok = p, true
			}
		}
	}
	if !ok {
		t.Fatalf("normalizer is %T", tok.norm)
	}
	blanks := replace{find: literal(" "), content: "▁"}
	chain := normalizers{replace{find: literal("``"), content: `"`}, replace{find: literal("''"), content: `"`}, unicodeForm{compat: true}, filter{}, lowercase{}, n, blanks}
	w := newWeights()
	(&metaspace{mark: "▁"}).grow(w)
	chain.grow(w)
	if err := w.check("chain"); err != nil {
		t.Error(err)
	}
	w = newWeights()
	var digits normalizers // each digit on its own
	for d := '0'; d <= '9'; d++ {
		digits = append(digits, replace{find: literal(d), content: " " + string(d) + " "})
	}
	if digits.grow(w); w.max() != 3 {
		t.Errorf("digits grow %v times, want 3", w.max())
	}
}
