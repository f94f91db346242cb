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
package lm
