package lm

// State is a prefix tree of tokens with the activations of every row.
type State struct{}

// NewState returns a State for the model. With train set the activations that
// Backward needs are kept; else only keys and values.
func (m *Model) NewState(train bool) *State { panic("todo") }

// Reset forgets all rows; the buffers are kept.
func (s *State) Reset() { panic("todo") }

// Rows is the number of rows (distinct prefixes).
func (s *State) Rows() int { panic("todo") }

// AddSequence adds the tokens as a path from the root, sharing the rows of its
// longest prefix that is already there, and returns the row of each token. [len(tokens)]
func (s *State) AddSequence(tokens []int32) []int32 { panic("todo") }

// Forward computes all rows added since the last call.
func (m *Model) Forward(s *State) { panic("todo") }
