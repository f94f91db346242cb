package serve

import (
	"time"

	"pgsrm/config"
)

// Settings are the limits of a server and how it reads requests: the file of
// pgsrm serve --settings, beside its rewards.
type Settings struct {
	MaxBatch       int      `yaml:"max_batch" range:"[1, 65536]"`           // samples that are scored together
	MaxWaitMS      float64  `yaml:"max_wait_ms" range:"[0, 10000]"`         // that a sample waits for others at most; it is less where scoring is quick
	Parallel       int      `yaml:"parallel" range:"[1, 1024]"`             // batches of one reward at once
	MaxSamples     int      `yaml:"max_samples" range:"[1, 10000000]"`      // waiting or being scored, of all rewards
	MaxBodyMB      float64  `yaml:"max_body_mb" range:"[0.001, 4096]"`      // of one request, in 2^20 bytes
	MaxBodiesMB    float64  `yaml:"max_bodies_mb" range:"[0.001, 1048576]"` // of all requests that are being read or answered, until the reply is written
	MaxConnections int      `yaml:"max_connections" range:"[1, 1000000]"`   // open at once; further ones wait to be accepted
	DeadlineS      float64  `yaml:"deadline_s" range:"[0, 3600]"`           // seconds until a sample is given up; 0 = by the route
	CachedSamples  int      `yaml:"cached_samples" range:"[0, 100000000]"`  // scores of one reward that are remembered at least; 0 = none
	Labels         []string `yaml:"labels"`                                 // columns of /verify that hold the reference, the first that is there
	EndMarkers     []string `yaml:"end_markers"`                            // texts that end an answer, in what OpenRLHF and slime send
}

// DefaultSettings suit the engines of docs/serve.md.
func DefaultSettings() Settings {
	return Settings{
		MaxBatch: 512, MaxWaitMS: 10, Parallel: 2, MaxSamples: 1 << 16, MaxBodyMB: 32, MaxBodiesMB: 1024,
		MaxConnections: 16384, CachedSamples: 1 << 16,
		Labels:     []string{"expected_answer", "answer", "reference", "ground_truth", "label", "solution", "target"},
		EndMarkers: []string{"<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|end|>", "<end_of_turn>", "<｜end▁of▁sentence｜>", "</s>", "<eos>"},
	}
}

// Rules reports what an empty text would do.
func (s Settings) Rules() error {
	for key, list := range map[string][]string{"labels": s.Labels, "end_markers": s.EndMarkers} {
		for _, text := range list {
			if text == "" {
				return &config.Error{Key: key, Must: "must hold no empty text"}
			}
		}
	}
	return nil
}

// maxWait is MaxWaitMS.
func (s Settings) maxWait() time.Duration {
	return time.Duration(s.MaxWaitMS * float64(time.Millisecond))
}

// mebi is a number of 2^20 bytes.
func mebi(mb float64) int64 { return int64(mb * (1 << 20)) }

// IsName says whether a reward may have this name: it stands in paths.
func IsName(name string) bool { return isRolloutID(name) && len(name) <= 64 }
