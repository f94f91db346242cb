package remote

import (
	"fmt"
	"strings"
)

// OpenAIURL is the server of a spec without one.
const OpenAIURL = "https://api.openai.com/v1"

// ParseModel reads "MODEL@URL", as it follows "openai:" in a spec. Without
// "@URL" it is the public server; a URL without a path gets "/v1", which all
// servers of this protocol have. Errors show no secrets.
func ParseModel(spec string) (model, base string, err error) {
	return ParseServer(spec, OpenAIURL, "/v1")
}

// ParseServer is ParseModel for servers of another protocol: base is the URL of a
// spec without one, path what a URL without a path gets.
func ParseServer(spec, base, path string) (model, url string, err error) {
	model = spec
	if at := strings.Index(spec, "@http"); at >= 0 {
		model, base = spec[:at], spec[at+1:]
	}
	if model == "" || strings.ContainsAny(model, " \t\n") || strings.Contains(model, "://") {
		return "", "", fmt.Errorf("must be MODEL@URL or MODEL (got %q)", Redact(spec))
	}
	u, err := parseBase(base)
	if err != nil {
		return "", "", err
	}
	if u.Path == "" {
		u.Path = path
	}
	return model, u.String(), nil
}
