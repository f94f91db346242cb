package tokenizer

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParse: a broken file is an error or a tokenizer that works soon, never a
// panic.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/golden/*.json.gz")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		tok, _ := readGolden(f, path)
		if data := tok.JSON(); len(data) < 1<<14 {
			f.Add(data)
		}
	}
	for _, pre := range []string{`{"type":"Metaspace","replacement":"_","prepend_scheme":"first"}`, `{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true}`,
		`{"type":"Split","pattern":{"Regex":"\\s+(?!\\S)|[^a\\p{L}]?b+?"},"behavior":"MergedWithNext","invert":true}`} {
		f.Add([]byte(spell("PRE", pre, "NORM", `{"type":"Replace","pattern":{"Regex":"^"},"content":"_"}`)))
	}
	f.Add([]byte(spell("MODEL", `{"type":"Unigram","unk_id":0,"vocab":[["a",0],["ab",-1.5]],"byte_fallback":true}`)))
	f.Add([]byte(spell("NORM", `{"type":"Precompiled","precompiled_charsmap":"BAAAAAAAAAA="}`)))
	f.Add([]byte(spell("ADDED", addedJSON("3", "<s>", ""), "POST", `{"type":"BertProcessing","sep":["b",1],"cls":["a",0]}`)))
	for pattern := range strings.FieldsSeq(`(a+)+$ (a|a)*c a*b (?!(a+)+c)a [^b]{1,900}c`) {
		f.Add([]byte(spell("PRE", fmt.Sprintf(splitOf, pattern))))
	}
	f.Add([]byte(spell("NORM", `{"type":"Sequence","normalizers":[`+many(3, tenfold)+`]}`)))
	f.Add([]byte(spell("NORM", `{"type":"Precompiled","precompiled_charsmap":"`+charsmap("abc")+`"}`)))
	long := strings.Repeat("a", 500) + strings.Repeat("ab a<s>b é \t", 30)
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		defer func() {
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		}()
		tok, err := Parse(data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "tokenizer.json: ") {
				t.Errorf("error does not name the file: %v", err)
			}
			return
		}
		ids := tok.EncodeSpecial("ab a<s>b é")
		for _, id := range ids {
			if _, ok := tok.Token(id); !ok {
				t.Errorf("id %d is not in the vocabulary", id)
			}
		}
		if ids := tok.Encode(long); len(ids) > maxGrowth*len(long) {
			t.Errorf("%d ids of %d bytes", len(ids), len(long))
		}
		tok.Decode(tok.Encode("ab a<s>b é"), true)
	})
}

// FuzzEncodeDecode: byte-level BPE gives back every text, broken UTF-8 as U+FFFD.
func FuzzEncodeDecode(f *testing.F) {
	for _, s := range append(corpus, "", " ", "\xff\xf0\x9f\x99", "a<|endoftext|>b", "x\u0301\u0301  \r\n\t y", "'ſ'LL") {
		f.Add(s)
	}
	tok := trained(f, 340)
	f.Fuzz(func(t *testing.T, text string) {
		want := validText(text)
		if utf8.ValidString(text) && want != text {
			t.Errorf("validText(%q) = %q", text, want)
		}
		if got := tok.Decode(tok.Encode(text), false); got != want {
			t.Errorf("decode(encode(%q)) = %q, want %q", text, got, want)
		}
		if got := tok.Decode(tok.EncodeSpecial(text), false); got != want {
			t.Errorf("decode(encodeSpecial(%q)) = %q, want %q", text, got, want)
		}
	})
}
