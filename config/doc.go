// Package config reads configurations: layers of YAML and settings over a struct
// that holds the defaults, strictly, with the origin of every value and one kind
// of error. It knows no configuration itself; run.Config is one.
//
// A configuration is a struct whose fields carry tags:
//
//	yaml:"top_k"            the key; ",inline" puts the keys of a struct beside its own
//	range:"[0, 1000000]"    what a number may be; ( and ) exclude the end, NaN is never in it
//	oneof:"auto, on, off"   the words that a text may be
//	empty:"no"              a text that must not be empty
//	longest:"200"           the most characters of a text
//
// Values that must go together are checked by a method Rules of the struct.
//
// Files:
//
//	error.go     Error: place, key, value and what is allowed, in one form
//	check.go     Check: the tags and rules of a struct; the checks for single values
//	interval.go  Interval: a range as it stands in a tag
//	keys.go      Keys: every key of a struct with its type and value
//	decode.go    YAML over a struct
//	layers.go    Layers: what is laid over what, and where each value came from
//	file.go      File: a configuration file or standard input, bounded in size
//	near.go      Nearest: "did you mean"
//	schema.go    Schema: JSON Schema of a struct, for editors
//	page.go      Page: the description of every key; the starter file
package config
