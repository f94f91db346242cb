package bench

// known holds what the best peer reached and what the project wants to reach, both on
// one machine: 2 cores of a Xeon with AVX-512 and a peak of 340 GFLOP/s. Peers:
// TRL 1.8 (PPO) and 1.16 (GRPO, RLOO), PyTorch 2.13 (compiled where that is faster) with
// MKL, generate of transformers, sentence-transformers. Elsewhere they can only be
// compared with after measuring the peers again. Shape C was measured on 2 cores of an
// EPYC with AVX2 and a peak of 179 GFLOP/s, with TRL 1.16; 0 is no figure.
var known = map[string]struct{ peer, target float64 }{
	"iteration_A_s":           {13.2, 1.25},
	"iteration_A_grpo_s":      {10.1, 1.25},
	"iteration_B_s":           {0.651, 0.040},
	"iteration_B_grpo_s":      {0.240, 0.040},
	"iteration_B_rloo_s":      {0.259, 0.040},
	"step_A_s":                {2.2, 1.9},
	"step_B_s":                {0.055, 0.030},
	"forward_A_s":             {0.69, 0.55},
	"forward_B_s":             {0.016, 0.010},
	"decode_A50_tok_s":        {206, 700},
	"decode_A50_shared_tok_s": {206, 700},
	"decode_B64_shared_tok_s": {6730, 30000},
	"decode_A1_tok_s":         {35, 45},
	"decode_B64_tok_s":        {6730, 30000},
	"decode_B1_tok_s":         {483, 5000},
	"encode_2w_per_s":         {2130, 2800},
	"encode_12w_per_s":        {704, 900},
	"encode_one_per_s":        {126, 400},
	"gemm_2048_gflops":        {331, 315},
	"gemm_mlp_gflops":         {315, 300},
	"peak_memory_A_gb":        {3.8, 2.4},
	"peak_memory_B_gb":        {0.88, 0.1},
	"start_s":                 {13, 0.050},

	"iteration_C_grpo_s":                   {131, 8.7},
	"peak_memory_iteration_C_grpo_gb":      {0, 3.8},
	"peak_memory_iteration_C_lora_grpo_gb": {0, 1.7},
}
