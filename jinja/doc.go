// Package jinja renders the templates of the Jinja language as transformers sets
// it up for chat templates: trim_blocks, lstrip_blocks, the sandbox of Jinja, the
// tags break, continue and generation, and tojson as json.dumps writes. What it
// renders is, to the character, what Python renders; what it does not have (an
// unknown filter, tag, method, format) is an error that names it, never another
// text. testdata/snippets.py writes what the tests compare with.
//
// A template is foreign code. It has no way to a file, a clock or the network,
// and [LimitError] ends one that needs more than its share of work, depth,
// memory or output.
//
// The files, in the order of the data:
//
//	template.go     Template: parsing and rendering; the values that go in
//	json.go         variables from a JSON object
//	limits.go       the bounds, and the meter that holds them
//	lex.go          source to tokens, and where white space goes
//	token.go        one token; string escapes
//	parse.go        tokens to statements
//	parseexpr.go    tokens to expressions
//	node.go         the tree
//	scope.go        which frame a name belongs to, as Jinja's compiler decides
//	exec.go         statements
//	expr.go         expressions
//	value.go        Python's values; truth, length, equality, membership
//	operator.go     arithmetic, order, index and slice
//	attribute.go    attributes; methods of dicts; the variable loop
//	textmethods.go  methods of texts
//	filters.go      filters
//	tests.go        tests, as in "is defined"
//	globals.go      namespace, dict, range
//	text.go         text as Python's str sees it
//	repr.go         values as text: str, repr, JSON
package jinja
