// Package wordvec reads files of word vectors (GloVe, word2vec, fastText,
// Numberbatch) once into an index, whose words are mapped into memory and whose
// vectors stay in the file, so that millions of words open in milliseconds.
// docs/format/word-vector-index.md describes every byte.
//
//	open.go    Open and Read: finds or builds the index of a file
//	parse.go   the forms of word vector files, text and binary
//	write.go   writes an index, row by row
//	index.go   layout, checks, look-up
//	map_*.go   mapping a part of a file into memory
package wordvec
