// Package custom asks for rewards of the user's own: a process that lives as long as the
// run, a server, or Go code (docs/custom-rewards.md). A batch either has a whole, checked
// reply, or each of its samples an error; nothing is ever scored 0 for a failure.
//
//	custom.go    Scorer, Sample, Result: the contract; what is checked of any reply
//	open.go      Source: a term of the reward's language as a Scorer, in batches
//	settings.go  the section "custom_reward" of a configuration
//	cached.go    the cache before a function that is pure
//	wire.go      a batch and its reply as JSON
//
// Transports
//
//	process.go   asking a process, starting it again
//	child.go     one process: its pipes, its end
//	command.go   from the text of a term to a program and its arguments
//	stderr.go    what it says beside
//	server.go    asking a server
package custom
