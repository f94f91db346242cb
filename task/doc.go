// Package task holds prompts, reference answers and splits: the five tasks of
// the paper (arXiv 2512.06920, section "Tasks") with data of our own, and the
// user's own from JSONL or CSV; and what counts as an answer to them.
//
//	task.go     tasks, items, splits, kinds
//	builtin.go  the five built-in tasks         split.go   which prompts are held out
//	file.go     tasks of files                  jsonl.go, csv.go   their forms
//	digest.go   identifies a task
//
//	match.go    strict exact match
//	answer.go   the section answer of a configuration, and what matches by it
//	extract.go  the answer in a response        clean.go   what of it does not count
package task
