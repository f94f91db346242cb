// Package tokenizer turns text into the token ids of a model and back, exactly
// as the Hugging Face library `tokenizers` does with the same tokenizer.json:
// the parity test compares ids and decoded text on random strings of every kind.
//
// What a file asks for and this package does not have is an error of [Parse]
// that names the place; nothing is approximated in silence. A file is foreign
// data, so Parse also refuses what would make encoding slow or large (limits.go):
// a tokenizer that loads encodes every text in time and memory in proportion to
// its length, and cannot fail. Two things are left to the caller, as in
// transformers: truncation and padding.
//
// The stages of one call, each a type of its own, in the order of the data, with
// their files:
//
//	added tokens    cut out of the text, before and after normalising: added.go,
//	                parseadded.go
//	normalizer      rewrites the text between them: normalize.go; white space and
//	                replacements (normends.go), BERT's (normbert.go), Unicode's forms
//	                (normform.go), SentencePiece's (precompiled.go)
//	pre-tokenizer   cuts it into words: split.go; by patterns (cut.go, match.go), by
//	                the patterns in wide use, written out (scan.go); bytelevel.go,
//	                metaspace.go
//	model           words to ids: BPE (bpe.go, merge.go, parsebpe.go), wordpiece.go,
//	                unigram.go, wordlevel.go; parsemodel.go, trie.go, cache.go
//	post-processor  adds [CLS], [SEP], <s>: post.go
//	decoder         ids back to text: decode.go, decodebytes.go, decodewords.go
//
// The other files:
//
//	tokenizer.go     Tokenizer: Encode, Decode, tokens and ids
//	parse.go         tokenizer.json to a Tokenizer; part.go, cursor.go read its JSON
//	limits.go        what a file may ask for
//	growth.go        how long a text may become on its way
//	folder.go        the tokenizer of a model folder; oldtokens.go, of older files
//	train.go         learns a byte-level BPE; trainfile.go writes it
//	bytealphabet.go  the printable alphabet of bytes
//	utf8.go          broken UTF-8
//
// Below it are the regex engine and the properties of characters
// (internal/regex, internal/chars), and the chat templates of folders (chat).
package tokenizer
