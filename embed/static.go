package embed

import "context"

// continuation marks a token that continues a word, as in WordPiece.
const continuation = "##"

// Static embeds a text as the weighted mean of fixed token vectors, scaled to
// unit length (Arora, Liang, Ma 2017, "A simple but tough-to-beat baseline for
// sentence embeddings"). A word that is no token is cut into the longest tokens
// from left to right, as WordPiece does. Word order does not count.
type Static struct {
	header Header
	digest string
	tokens []string         // [V]
	index  map[string]int32 // place of a token in tokens
	scales []float32        // [V] weight of the token times the step of its row
	rows   []int8           // [V*E] quantised vectors

	longestToken int // in bytes, without the mark of a continuation
}

// Header says where a static embedder comes from. It stands in its file.
type Header struct {
	Origin   string   `json:"origin"`   // the model that it was distilled from
	License  string   `json:"license"`  // licence of that model
	Source   string   `json:"source"`   // where that model is published
	Encoder  string   `json:"encoder"`  // identity of the encoder that made the vectors
	Contexts []string `json:"contexts"` // phrases in which each token was encoded
	Dim      int      `json:"dim"`      // E
	Tokens   int      `json:"tokens"`   // V
	SIF      float64  `json:"sif"`      // a of the frequency weight a/(a+p)
	Variance float64  `json:"variance"` // share of the encoder's variance that the E axes keep
}

// Header returns the origin and size of the embedder.
func (s *Static) Header() Header { return s.header }

// Tokens returns the vocabulary, most frequent first; "##x" continues a word.
func (s *Static) Tokens() []string { return append([]string(nil), s.tokens...) }

// Identity is the digest of the file and the weighted mean over tokens.
func (s *Static) Identity() Identity {
	return Identity{Model: "static:" + s.digest, Pooling: "static-mean", Normalize: true, Dim: s.header.Dim}
}

// Embed gives each text its vector; a text without a known token has ErrNoMeaning.
func (s *Static) Embed(ctx context.Context, texts []string) []Result {
	return embedEach(ctx, texts, s.one)
}

func (s *Static) one(text string) Result {
	sum := make([]float32, s.header.Dim)
	for _, word := range words(text) {
		for _, t := range s.pieces(word) {
			s.addRow(sum, t)
		}
	}
	return direction(sum, text)
}

// pieces cuts one word into tokens; none where a part of it is unknown.
func (s *Static) pieces(word string) []int32 {
	var out []int32
	for start := 0; start < len(word); {
		token, length := s.longest(word[start:], start > 0)
		if length == 0 {
			return nil
		}
		out, start = append(out, token), start+length
	}
	return out
}

// longest finds the longest token that rest begins with, and its length in rest.
func (s *Static) longest(rest string, inside bool) (token int32, length int) {
	prefix := ""
	if inside {
		prefix = continuation
	}
	for end := min(len(rest), s.longestToken); end > 0; end-- {
		if t, ok := s.index[prefix+rest[:end]]; ok {
			return t, end
		}
	}
	return 0, 0
}

// addRow adds the weighted vector of token t to sum.
func (s *Static) addRow(sum []float32, t int32) {
	row := s.rows[int(t)*len(sum):][:len(sum)]
	scale := s.scales[t]
	for i, q := range row {
		sum[i] += scale * float32(q)
	}
}
