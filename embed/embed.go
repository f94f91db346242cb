// Package embed turns texts into vectors.
package embed

import "context"

// Identity is everything that decides which vector a text gets. It is part of
// the key of every cache.
type Identity struct {
	Model     string `json:"model"`     // name and digest of the weights
	Pooling   string `json:"pooling"`   // "mean", "cls", "static-mean", ...
	Normalize bool   `json:"normalize"` // unit length
	Template  string `json:"template"`  // prefix put before the text; usually empty
	Dim       int    `json:"dim"`       // E
}

// Result is the vector of one text, or the error of that text alone.
type Result struct {
	Vector []float32 // [E], unit length where Identity.Normalize
	Err    error
}

// Embedder embeds texts. Embed returns one Result for each text, in order. A
// text without a meaning for the embedder (empty, no known word) is an error of
// its own, never a zero vector; vectors are finite and have Identity.Dim numbers.
type Embedder interface {
	Embed(ctx context.Context, texts []string) []Result
	Identity() Identity
}
