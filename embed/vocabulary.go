package embed

import (
	"fmt"
	"regexp"

	"pgsrm/task"
	"pgsrm/tokenizer"
)

// plainToken is a token worth a static vector: Latin letters and digits, also
// inside a word. Punctuation has no vector, so that "cold." means what "cold"
// means; single characters of other scripts and reserved places are left out.
var plainToken = regexp.MustCompile(fmt.Sprintf(`^(?:%s)?[a-z0-9]{1,%d}$`, continuation, maxToken))

// Vocabulary makes the token list for Distill, most frequent first: the plain
// tokens of an encoder's WordPiece vocabulary in its order, which is that of
// frequency but for the single characters that BERT puts first: of these the
// words "a" and "i" stay in front and the others go to the end. Then follow those
// words of the texts that are no tokens, in order of appearance, so that each of
// them gets the vector of the whole word rather than of its pieces.
func Vocabulary(wordPiece, texts []string) []string {
	var out, single []string
	seen := map[string]bool{}
	add := func(list *[]string, token string) {
		if !seen[token] && plainToken.MatchString(token) {
			seen[token] = true
			*list = append(*list, token)
		}
	}
	for _, token := range wordPiece {
		if len(token) == 1 && token != "a" && token != "i" {
			add(&single, token)
		} else {
			add(&out, token)
		}
	}
	out = append(out, single...)
	for _, text := range texts {
		for _, word := range words(text) {
			add(&out, word)
		}
	}
	return out
}

// TaskTexts are the inputs, references and accepted answers of the built-in tasks,
// whose words the embedded file must know as a whole.
func TaskTexts() ([]string, error) {
	var out []string
	for _, name := range task.Names() {
		t, err := task.Builtin(name)
		if err != nil {
			return nil, err
		}
		for _, it := range t.Items {
			out = append(out, it.Input, it.Reference)
			out = append(out, it.Accepted...)
		}
	}
	return out, nil
}

// FolderTokens lists the tokens of a model folder's tokenizer, in its order.
func FolderTokens(dir string) ([]string, error) {
	tok, err := tokenizer.Load(dir)
	if err != nil {
		return nil, err
	}
	out := make([]string, tok.Size())
	for id := range out {
		out[id], _ = tok.Token(int32(id))
	}
	return out, nil
}
