// Package bench measures what the engine does on this machine against what the
// machine could do: iterations, training steps, sampling, encoding, matrix
// products, memory and start, each with the least time that its arithmetic and
// its memory traffic allow. It is a package and not a part of the command since
// it uses lm, rl and kernel as any program would, and its rows are tested on
// small shapes.
//
//	machine.go   processor, peak of multiply-adds, memory bandwidth
//	shape.go     the models and batches, random inputs
//	cost.go      operations and bytes of each kind of work: the limit
//	run.go       options and result         table.go     the table of rows
//	row.go       how a row is measured      measure.go   repetition, medians, allocations
//	step.go, iteration.go, decode.go, encode.go, gemm.go, process.go   what the rows run
//	minilm.go    an encoder of MiniLM's shape          known.go   figures of peers and of the project
//	scaling.go   how the cost of an iteration grows with samples and layers
//	phases.go, stepops.go   the parts of a training step one by one
//
// # What is measured
//
// Shape A is GPT-2 small (12 layers, 768, 12 heads, vocabulary 50257), batch 50,
// prompt 17, response 2; shape B has 4 layers, 128, 4 heads, vocabulary 512, batch 64,
// prompt 20, response 4. Weights are random and no sample ends early.
//
//   - step: forward of all prompt and response tokens of a batch that shares no
//     prefix, logits at the response positions, the clipped loss of PPO with an
//     entropy term, backward, gradient norm and clipping, AdamW.
//   - forward: the same without gradients, up to log-probabilities.
//   - iteration: sampling (top_k 50, temperature 1), a plain function as reward,
//     log-probabilities of a frozen reference model (coefficient 0.05), one
//     update with one epoch. All but the last 6 tokens of the prompts are the same. PPO
//     samples each prompt once, GRPO and RLOO in groups of 5 (A) and 4 (B).
//   - decode: sampling of 8 tokens behind prompts that share nothing, prompts included; with
//     shared, behind prompts as in iteration.
//   - encode: texts of 2 and 12 words through MiniLM, and one at a time (12 words).
//   - gemm: products with packed weights, packing not included.
//   - peak_memory: the most memory the process has during two steps; start: `pgsrm version`.
package bench
