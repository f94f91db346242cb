// Package chat renders the chat templates of Hugging Face folders: the Jinja text
// that turns a list of messages into the prompt of a model. A rendered text is,
// to the character, that of transformers' apply_chat_template; what the template
// language here does not have is an error that names it, never another text. The
// parity test compares with transformers on templates of the shapes in use.
//
// The language itself is package jinja. The files here:
//
//	template.go   messages and options in, the prompt out
//	folder.go     which template a folder has, and the special tokens it may name
//	variables.go  further variables of a template, from JSON
//	functions.go  what transformers adds to Jinja: raise_exception, strftime_now
package chat
