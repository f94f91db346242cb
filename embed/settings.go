package embed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pgsrm/config"
	"pgsrm/remote"
)

// Settings say how an embedder that is a server or a local encoder is used. All but
// Name, Encoding, the sizes of batches and Server decide the vectors; Name, Prefix
// and Dimensions are part of the key of the cache.
type Settings struct {
	// Name stands for the server in the key of the cache, in the place of its
	// address: for one that moves from job to job. "" = the address.
	Name string `yaml:"name"`
	// Prefix is put before every text, as some models need it ("query: "). "" = what
	// the folder of a local encoder says by itself, nothing for a server.
	Prefix string `yaml:"prefix"`
	// Prompt is one of the named prefixes in the folder of a local encoder.
	Prompt string `yaml:"prompt"`
	// TooLong says what becomes of a text beyond the length of a local encoder: cut
	// (counted, with a warning) or error. Servers are always told not to cut.
	TooLong string `yaml:"too_long" oneof:"cut, error"`

	Dimensions  int    `yaml:"dimensions" range:"[0, 65536]"`      // asked of the server; 0 = as many as the model has
	Encoding    string `yaml:"encoding" oneof:"base64, float"`     // of the numbers on the wire: base64 or float
	BatchItems  int    `yaml:"batch_items" range:"[0, 2048]"`      // texts of a request; 0 = by the kind of server
	BatchTokens int    `yaml:"batch_tokens" range:"[0, 16777216]"` // of a request, estimated from the bytes; 0 = by the kind of server

	Server remote.Options `yaml:"server"`
}

// What becomes of a text that is too long.
const (
	tooLongCut   = "cut"
	tooLongError = "error"
)

// How numbers are sent.
const (
	encodingBase64 = "base64"
	encodingFloat  = "float"
)

// DefaultSettings suit a server of the protocol of OpenAI and a local encoder.
func DefaultSettings() Settings {
	return Settings{TooLong: tooLongCut, Encoding: encodingBase64, Server: remote.DefaultOptions()}
}

// Validate reports the first setting that cannot be used.
func (s Settings) Validate() error { return config.Check(s) }

// Rules reports settings that exclude each other.
func (s Settings) Rules() error {
	if s.Prefix != "" && s.Prompt != "" {
		return &config.Error{Key: "prompt", Must: "must be empty where prefix is set", Value: fmt.Sprintf("%q", s.Prompt)}
	}
	return nil
}

// serverKinds are the kinds of specs that name a server.
var serverKinds = []string{"openai", "tei", "ollama"}

// CheckSpec reports a spec that Open refuses whatever else holds, as far as that
// shows without opening anything. Its error names no secrets.
func CheckSpec(spec string) error {
	if kind, rest, _ := strings.Cut(spec, ":"); slices.Contains(serverKinds, kind) {
		_, _, err := parseServer(kind, rest)
		return err
	}
	_, _, err := parseRandom(spec)
	return err
}

// parseServer reads what follows the kind in a spec.
func parseServer(kind, rest string) (model, base string, err error) {
	switch kind {
	case "openai":
		return remote.ParseModel(rest)
	case "ollama":
		return remote.ParseServer(rest, "http://localhost:11434", "")
	}
	if !strings.HasPrefix(rest, "http://") && !strings.HasPrefix(rest, "https://") {
		return "", "", errors.New("must be tei:URL")
	}
	_, base, err = remote.ParseServer("model@"+rest, "", "")
	return "", base, err
}
