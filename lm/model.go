package lm

// Config describes a model, in Hugging Face's terms.
type Config struct {
	Family    string // "gpt2", "llama", "bert", ...
	Layers    int    // L
	Width     int    // D
	Heads     int    // H
	Vocab     int    // V
	Positions int    // longest context
	EOS       int32  // end-of-text token, -1 if none
}

// Model is a transformer with its weights and, when trained, their gradients.
type Model struct {
	Config Config
}

// NewRandom returns a model with GPT-2's initialisation from the seed.
func NewRandom(cfg Config, seed uint64) (*Model, error) { panic("todo") }

// Clone returns an independent copy of the weights (the frozen reference).
func (m *Model) Clone() *Model { panic("todo") }
