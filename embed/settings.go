package embed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
	TooLong string `yaml:"too_long"`

	Dimensions  int    `yaml:"dimensions"`   // asked of the server; 0 = as many as the model has
	Encoding    string `yaml:"encoding"`     // of the numbers on the wire: base64 or float
	BatchItems  int    `yaml:"batch_items"`  // texts of a request; 0 = by the kind of server
	BatchTokens int    `yaml:"batch_tokens"` // of a request, estimated from the bytes; 0 = by the kind of server

	Server remote.Options `yaml:"server"`
}

// What becomes of a text that is too long.
const (
	TooLongCut   = "cut"
	TooLongError = "error"
)

// How numbers are sent.
const (
	EncodingBase64 = "base64"
	EncodingFloat  = "float"
)

// DefaultSettings suit a server of the protocol of OpenAI and a local encoder.
func DefaultSettings() Settings {
	return Settings{TooLong: TooLongCut, Encoding: EncodingBase64, Server: remote.DefaultOptions()}
}

// maxDimensions is the largest dimension that a server can be asked for.
const maxDimensions = 1 << 16

// Validate reports the first setting that cannot be used, as "key: what must hold".
func (s Settings) Validate() error {
	switch {
	case s.Prefix != "" && s.Prompt != "":
		return fmt.Errorf("prompt: must be empty where prefix is set (got %q)", s.Prompt)
	case s.TooLong != TooLongCut && s.TooLong != TooLongError:
		return fmt.Errorf("too_long: must be %s or %s (got %q)", TooLongCut, TooLongError, s.TooLong)
	case s.Encoding != EncodingBase64 && s.Encoding != EncodingFloat:
		return fmt.Errorf("encoding: must be %s or %s (got %q)", EncodingBase64, EncodingFloat, s.Encoding)
	}
	for _, c := range []struct {
		key      string
		v, atMax int
	}{{"dimensions", s.Dimensions, maxDimensions}, {"batch_items", s.BatchItems, 2048}, {"batch_tokens", s.BatchTokens, 1 << 24}} {
		if c.v < 0 || c.v > c.atMax {
			return fmt.Errorf("%s: must be between 0 and %d (got %d)", c.key, c.atMax, c.v)
		}
	}
	if err := s.Server.Validate(); err != nil {
		return fmt.Errorf("server.%w", err)
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
	return nil
}

// parseServer reads what stands behind the kind in a spec.
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
