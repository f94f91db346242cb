package remotetest

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Embeddings answers /v1/embeddings: each text has the direction that its words say,
// in so many dimensions.
func Embeddings(dim int) http.HandlerFunc {
	type entry struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"` // [dim]
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		data := make([]entry, len(body.Input))
		for i, text := range body.Input {
			data[i] = entry{i, wordSum(text, dim)}
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"data": data, "usage": map[string]int{"prompt_tokens": len(data)}})
	}
}

// wordSum adds a direction for each word. [dim]
func wordSum(text string, dim int) []float32 {
	v := make([]float32, dim)
	v[0] = 0.1 // of the empty text, too
	for _, word := range strings.Fields(text) {
		h := fnv.New64a()
		h.Write([]byte(word))
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		for i := range v {
			v[i] += float32(rng.NormFloat64())
		}
	}
	return v
}
