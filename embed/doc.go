// Package embed turns texts into vectors whose angle is their likeness in meaning.
//
//	embed.go     Embedder, Result, Identity: the contract; cosine, checks of vectors
//	open.go      from a name of the command line to an Embedder
//	settings.go  the section "embedding" of a configuration
//
// Embedders
//
//	builtin.go      the static embedder that is part of the binary
//	static*.go      fixed vectors of tokens, their weighted mean; the file
//	wordvectors.go  files of GloVe, word2vec, fastText, Numberbatch (internal/wordvec)
//	vectorfile.go   vectors of whole texts, made elsewhere
//	encoder.go      a local encoder such as MiniLM
//	random.go       vectors without a meaning, as a control
//	server.go       an embeddings server; wire.go: the protocols it may speak
//	words.go        how texts are cut into words
//
// What stands before a costly one
//
//	cached.go  the cache
//	batch.go   calls of many texts
//	memo.go    texts of this process, embedded once
//	counts.go  what was asked and what came of it
//
// Making a static embedder
//
//	distill.go     from the vectors of an encoder
//	vocabulary.go  which tokens it knows
package embed
