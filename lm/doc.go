// Package lm is the transformer language model: weights, forward, backward,
// cached decoding, sampling, optimiser and Hugging Face folders, for GPT-2,
// Llama-like and BERT-like models on one configurable block.
//
// # Rows
//
// A State holds rows. A row is one token at one place of a prefix tree: it is
// given by its parent row and its token, so two sequences with a common prefix
// share the rows of that prefix. The rows of a State are computed by one code
// path, Model.Forward, whether all at once (training) or a few at a time
// (cached decoding): every row depends only on its own path. Log-probabilities
// stored by the sampler are therefore the very bits of the training forward
// (engine.md, section 2).
package lm
