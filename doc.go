// Package pgsrm is the tour of the code, in the order in which data flows.
//
// pgsrm trains a small transformer language model (the child) by reinforcement
// learning with a dense reward: how close its answer is in meaning to the answer
// of a parent (PGSRM, arXiv 2512.06920). The packages, from the data to the
// result; each may import only those above it (importtest_test.go holds this):
//
//	internal/printable  text from outside made safe to show on a terminal
//	config     layers of YAML and settings over a struct; origins, one error, the checks of values
//	internal/lines  lines of bounded length
//	internal/family  processes that end together with those that they start
//	internal/durable  files and folders written whole, locks between processes
//	internal/table  rows of one type as CSV or Parquet
//	remote     the client of model servers: retries, limits, counts
//	hub        models and data sets from a Hugging Face hub into the local cache
//	task       prompts, references, splits; the five built-in tasks; files and data sets; what counts as an answer
//	internal/jsonobject  JSON objects member by member
//	internal/half  F16 and BF16 from and to float32
//	internal/tensorfile  what files of tensors share: reading at any place, rows some at a time
//	safetensors  tensors in files
//	gguf       tensors and metadata in GGUF files, quantised types included
//	kernel     operations on slices: matrix products, normalisation, attention, softmax, AdamW
//	jinja      the template language of chat templates, bounded in work and output
//	tokenizer  byte-level BPE, WordPiece, ...; exact against Hugging Face tokenizers
//	lm         the transformer: weights, forward, backward, cached decoding, sampling, LoRA, optimiser
//	hf         Hugging Face folders: config.json, tensor tables, shards, adapters, chat prompts, encoders
//	cache      what parents and embedders answered, kept on disk or in Redis
//	parent     answers of the parent for prompts
//	embed      vectors for texts
//	custom     rewards of the user's own: a process, a server, Go
//	judge      rewards of a language model that judges answers
//	corpus     the pretraining corpus of the embedded child
//	stats      statistics over seeds, tasks and learning curves
//	reward     terms, the language of expressions over them, what a run has seen, calibration, the probe
//	rl         PPO, GRPO, RLOO, each readable alone
//	eval       exact match, semantic score, chrF, distinct-n, perplexity
//	run        the training loop, run directory, checkpoints, resume, events
//	chart      how pages and charts look, for report and dashboard; charts on top of uPlot
//	report     statistics over runs, figures, the HTML report
//	serve      the reward as a server for training engines; serve/client asks it
//	dashboard  run directories live on a web page
//	study      grids of runs: planned, trained, measured, merged
//	bench      what the engine reaches on this machine, against its limits
//	docs       the pages of the manual that the program shows
//	cmd/pgsrm  the command line
//
// # Letters
//
// One legend for the whole project, used in the comments beside slice fields:
//
//	P  prompts of a batch          G  samples of one prompt       N  samples, N = P*G
//	T  tokens of one response      R  rows (tokens) of a packed prefix-tree batch
//	L  layers    D  width          H  heads    V  vocabulary      F  width of the MLP
//	E  dimension of an embedding   U  distinct parent answers of a task
package pgsrm
