package embed

import "regexp"

// plainToken is a token worth a static vector: Latin letters and digits, also
// inside a word, or one ASCII punctuation mark. The rest of BERT's vocabulary
// (reserved places, single characters of other scripts) is left out.
var plainToken = regexp.MustCompile(`^(?:(?:##)?[a-z0-9]+|[!-/:-@\[-` + "`" + `{-~])$`)

// Vocabulary makes the token list for Distill: the plain tokens of an encoder's
// WordPiece vocabulary in its order (most frequent first), then those words of
// the texts that are no tokens, in order of appearance, so that each of them gets
// the vector of the whole word rather than of its pieces.
func Vocabulary(wordPiece, texts []string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(token string) {
		if !seen[token] && plainToken.MatchString(token) {
			seen[token] = true
			out = append(out, token)
		}
	}
	for _, token := range wordPiece {
		add(token)
	}
	for _, text := range texts {
		for _, word := range words(text) {
			add(word)
		}
	}
	return out
}
