// Package chat renders the chat templates of Hugging Face folders: the Jinja text
// that turns a list of messages into the prompt of a model. A rendered text is,
// to the character, that of transformers' apply_chat_template; what this package
// does not have (an unknown filter, tag, method, format) is an error that names
// it, never another text. The parity test compares with transformers on templates
// of the shapes in use.
//
// The stages, in the order of the data:
//
//	lexer      source to tokens; where white space goes (lex.go, token.go)
//	parser     tokens to a tree (parse.go, parseexpr.go)
//	scopes     which frame each name belongs to, as Jinja's compiler decides (scope.go)
//	rendering  the tree over the messages (exec.go, expr.go), with Python's
//	           values (value.go, repr.go) and their operators (operator.go)
//	builtins   filters, tests, methods, globals
//
// A template is foreign code: it has no way to a file, a clock or the network,
// and its work, depth and output are bounded.
package chat
