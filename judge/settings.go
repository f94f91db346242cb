package judge

import (
	"pgsrm/config"
	"pgsrm/remote"
	"pgsrm/remote/completions"
)

// Settings say how the models of terms judge are asked. Name, Temperature, Seed, MaxTokens
// and MaxText can change a verdict, and are part of the key of the cache.
type Settings struct {
	// Name stands for the server in the key of the cache, in the place of its address.
	Name        string  `yaml:"name"`
	Temperature float64 `yaml:"temperature" range:"[-1, 2]"`                              // below 0 = not sent
	Seed        int64   `yaml:"seed" range:"[-9223372036854775808, 9223372036854775807]"` // 0 = not sent
	MaxTokens   int     `yaml:"max_tokens" range:"[1, 1048576]"`                          // of a reply, with what the model thinks aloud
	MaxText     int     `yaml:"max_text" range:"[1, 1000000]"`                            // characters of each text in a question; the rest is cut off

	PriceInput  float64 `yaml:"price_input" range:"[0, 1000000000]"`  // of a million tokens sent, in any currency
	PriceOutput float64 `yaml:"price_output" range:"[0, 1000000000]"` // of a million tokens received

	Server remote.Options `yaml:"server"`
}

// DefaultSettings leave room for a sentence of reasons before the verdict.
func DefaultSettings() Settings {
	return Settings{MaxTokens: 256, MaxText: 8000, Server: remote.DefaultOptions()}
}

// Validate reports the first setting that cannot be used.
func (s Settings) Validate() error { return config.Check(s) }

// client are the options of the client.
func (s Settings) client() completions.Options {
	return completions.Options{
		Name: s.Name, Temperature: s.Temperature, Seed: s.Seed, MaxTokens: s.MaxTokens,
		PriceInput: s.PriceInput, PriceOutput: s.PriceOutput, Server: s.Server,
	}
}
