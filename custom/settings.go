package custom

import (
	"pgsrm/config"
	"pgsrm/remote"
)

// Settings say how the terms exec and http are asked. Only Batch can change what a
// function makes of a sample, where it looks at the others of its batch.
type Settings struct {
	TimeoutS float64 `yaml:"timeout_s" range:"[0.001, 31536000]"` // seconds of one batch; of a process its start included
	Batch    int     `yaml:"batch" range:"[1, 4096]"`             // samples asked at once
	Retries  int     `yaml:"retries" range:"[0, 100]"`            // further tries of a batch that failed, each of a fresh process
	// Pure says that a reward depends on its sample alone, so that it is asked for once
	// and kept in the cache.
	Pure bool `yaml:"pure"`
	// Version is part of the key of the cache: another one where the function has changed.
	Version string `yaml:"version" longest:"200"`

	KeyEnv      string `yaml:"key_env"`                       // http: environment variable that holds the bearer token; "" = send none
	Concurrency int    `yaml:"concurrency" range:"[1, 1024]"` // http: requests in flight
}

// DefaultSettings suit a function that needs some milliseconds for a sample.
func DefaultSettings() Settings {
	return Settings{TimeoutS: 120, Batch: 256, Retries: 3, KeyEnv: "PGSRM_REWARD_KEY", Concurrency: 4}
}

// Rules demands the name of a key in the place of the key.
func (s Settings) Rules() error { return s.server().Rules() }

// server are the limits of a server.
func (s Settings) server() remote.Options {
	return remote.Options{
		KeyEnv: s.KeyEnv, TimeoutS: s.TimeoutS, Attempts: 1 + s.Retries, Concurrency: s.Concurrency,
		MaxReplyMB: float64(maxReply) / (1 << 20),
	}
}

// Validate reports the first setting that cannot be used.
func (s Settings) Validate() error { return config.Check(s) }
