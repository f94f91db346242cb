// Package hf reads and writes the folders of Hugging Face's libraries: models of
// transformers, encoders of sentence-transformers, adapters of PEFT. What the engine
// cannot represent exactly is an error that names it; a member of a JSON file that is
// not known is ignored and told. A folder never runs code. A GGUF file counts as the
// folder with its content.
//
// Loading and saving
//
//	model.go     a language model with its tokenizer and what else its folder held
//	folder.go    a folder loaded; a folder written, whole or not at all
//	memory.go    what a trained child remembers of its training
//	card.go      the model card of a saved child, and what a loaded one says of its licence
//	keep.go      the files beside weights and tokenizer that are written back
//	load.go      weights packed from the mapped file straight into their places
//	tensors.go   the tensors of a folder, in one file or shards, and of a model
//	table.go     which tensor of which family is which part of which parameter
//	digest.go    what identifies a folder or a file
//	progress.go  who is told of the weights that are written
//	builtin.go   the child that is part of the binary
//
// Configurations
//
//	config.go        config.json of GPT-2 and BERT, and what all families share
//	config_llama.go  that of Llama, Mistral, Qwen2 and Qwen3
//	config_write.go  config.json of a saved model
//	mathematics.go   members that change what a model computes
//	unknown.go       members that are not known: told, and ignored
//	fields.go        members of a JSON file, one by one
//
// GGUF files
//
//	gguf.go                  a file as a folder: its files in memory, its tensors by name
//	gguf_config.go           the configuration that its keys describe
//	gguf_rope.go             rotary frequencies: factors and scaling by name
//	gguf_write.go            a model as a file
//	gguf_fields.go           their metadata, key by key
//	gguf_tokenizer.go        the files of a folder that hold a tokenizer
//	gguf_vocab.go            the tokenizer in the metadata, checked
//	gguf_pre.go              how text is cut into words, which the files only name
//	gguf_sentencepiece.go    SentencePiece's BPE: merges from scores and back
//	gguf_tokenizer_write.go  the metadata of a folder's tokenizer
//	gguf_take.go             what they can hold of it
//
// Adapters, prompts, encoders
//
//	lora.go     adapters by PEFT's names: which modules they are on
//	peft.go     adapter folders
//	prompt.go   prompts through the chat template of a folder
//	encoder.go  texts to vectors
//	recipe.go   what sentence-transformers does around the transformer
//
// docs/format/child-folder.md and adapter-folder.md describe the folders.
package hf
