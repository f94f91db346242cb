// Package bench measures what the engine does on this machine against what the
// machine could do: iterations, training steps, sampling, encoding, matrix
// products, memory and start, each with the least time that its arithmetic and
// its memory traffic allow. It is a package and not a part of the command since
// it uses lm, rl and kernel as any program would, and its rows are tested on
// small shapes.
//
//	run.go        options, result, the run over the rows
//	table.go      the table of rows            row.go      how a row is measured and compared
//	measure.go    repetition, medians, allocations
//	machine.go    processor, peak of multiply-adds, memory bandwidth
//	cost.go       operations and bytes of each kind of work: the limit
//	shape.go      the models and batches, random inputs
//	step.go       a training step in its parts  iteration.go  rollout, reward, reference, update
//	decode.go     sampling                      encode.go     texts to vectors
//	minilm.go     an encoder of MiniLM's shape  gemm.go       products
//	process.go    memory and start, in a process of their own
//	phases.go     the steps taken apart, by kernel.Pool.Time
//	scaling.go    how the cost of an iteration grows with samples and layers
//	cores.go      what more cores would do
//	known.go      figures of peers and of the project
//	peers.go      peers measured here: the Python, its modules, the protocol
//	peerjob.go    what the scripts of peers are asked for
//	peers         these scripts
//
// # What is measured
//
// Shape A is GPT-2 small (12 layers, 768, 12 heads, vocabulary 50257), batch 50,
// prompt 17, response 2; shape B has 4 layers, 128, 4 heads, vocabulary 512, batch 64,
// prompt 20, response 4; shape C is SmolLM2-135M, 32 prompts behind one chat template,
// 4 samples of 8 tokens each, all weights trained or adapters of rank 16. Weights are
// random and no sample ends early.
//
//   - step: forward of all prompt and response tokens of a batch that shares no
//     prefix (C: the prefixes of an iteration), logits at the response positions,
//     the clipped loss of PPO with an entropy term, backward, gradient norm and
//     clipping, AdamW.
//   - forward: the same without gradients, up to log-probabilities.
//   - iteration: sampling (top_k 50, of C from the whole vocabulary; temperature 1), a
//     plain function as reward, log-probabilities of a frozen reference model
//     (coefficient 0.05), one update with one epoch. All but the last 6 tokens of the
//     prompts (C: 12) are the same. PPO samples each prompt once, GRPO and RLOO in
//     groups of 5 (A) and 4 (B); on C both in groups of 4.
//   - rollout: the sampling of an iteration.
//   - decode: sampling of 8 tokens after prompts that share nothing, prompts included; with
//     shared, after prompts as in iteration.
//   - encode: texts of 2 and 12 words through MiniLM, and one at a time (12 words).
//   - gemm: products with packed weights, packing not included.
//   - peak_memory: the most memory the process has during two steps, or two runs of the row
//     of that name; start: `pgsrm version`.
package bench
