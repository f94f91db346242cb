// Package lm is the transformer language model: weights, forward, backward,
// cached decoding, sampling, low-rank adapters and optimiser, for GPT-2, Llama-like
// and BERT-like models on one configurable block. It knows no files, no tokenizer
// and no names but its own; package hf reads and writes models.
//
// # Rows
//
// A State holds rows. A row is one token at one place of a prefix tree: it is
// given by its parent row and its token, so two sequences with a common prefix
// share the rows of that prefix. The rows of a State are computed by one code
// path, Model.Forward, whether all at once (training) or a few at a time
// (cached decoding): every row depends only on its own path. Log-probabilities
// stored by the sampler are therefore the very bits of the training forward.
//
// # Files
//
// The model
//
//	config.go   what a model is: sizes, norms, positions, special tokens
//	model.go    its parameters, laid out in one table
//	param.go    a parameter, its gradient, its layout in memory
//	random.go   GPT-2's initialisation
//	finite.go   weights and moments checked for NaN and infinities
//
// The pass through it; each operation stands beside its backward
//
//	block.go        a block as one list of calls, with its formulas; backward the same in reverse: begin here
//	embedding.go, norm.go, linear.go, rope.go, attention.go, mlp.go  the operations
//	lora_linear.go  what low-rank adapters add to a linear layer
//	trunk.go        embeddings and blocks in chains of rows, forward and backward
//	state.go        the rows and their prefix tree
//	activations.go  the table of activations: rows, width, how long each is kept
//	memory.go       where they lie
//	head.go         hidden states to logits, a chunk of rows at a time
//	softmax.go      logits to log-probabilities and entropies
//	valuehead.go    hidden states to values
//
// What is done with it
//
//	score.go       log-probabilities, entropies and values of targets, and the backward from them
//	supervised.go  cross-entropy of sequences
//	sample.go, greedy.go  decoding
//	lora.go        low-rank adapters: added, frozen, merged
//	adamw.go       the optimiser
package lm
