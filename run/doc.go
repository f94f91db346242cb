// Package run is the training loop: run directory, checkpoints, resume and events.
// A run is a pure function of its configuration: killed at any instant and resumed
// it writes the same bits as a run that was left alone.
//
//	lifecycle.go    Start, Resume: prepare, begin or restore
//	loop.go         evaluate, save and step to the end
//	best.go         which child is the best           arbiter.go       and when nothing gets better
//	continue.go     what must be as the run began     extend.go        runs with more episodes
//	prepare.go      what a run needs, opened: task, child, answers, reward, prompts
//	step.go         one update: sample, score, learn
//	evaluate.go     greedy answers measured; what is logged of a step
//
//	directory.go    the run directory: names, lock, files of the start
//	foreign.go      folders that are none            inspect.go       what a run would find in one
//	journals.go     the append-only files            journal.go       one of them
//	tensorboard.go  the same numbers for TensorBoard
//	state.go        save and restore of a run        verify.go        what a checkpoint is held against
//	checkpoint.go   folders of checkpoints           checksum.go      their checksums
//	environment.go  what a run was made with         answers.go       what the parent answered; the reward
//	read.go         run directories as others read them: every file of one
//	end.go          how a process left the run        overview.go      what a run directory says of its run
//	find.go         run directories below a folder    remove.go        and removed
//	changes.go      settings other than the defaults, or other than those of another run
//
//	config.go       Config, its defaults and presets  load.go          Load, Resolve: from layers (package config)
//	validate.go     rules between its values          aliases.go       names of other programs for its keys
//	dryrun.go       what a run would do
//	look.go         the child before training         lookcost.go      what the run will cost
//	advice.go       what to change                    looklines.go     all of it in words
//	trylook.go      a look without a run              watch.go         what training warns of
//	compare.go      several runs side by side         sources.go       parents and embedders that they share
//	child.go        children by their names           lora.go          adapters instead of all weights
//	supervised.go   training on given sequences       supervised_state.go   its checkpoints, save and restore
//	events.go       what happens in a run             terminal.go      and how a terminal shows it
//	rng.go          streams of random numbers         lock.go          folders that this process has locked
package run
