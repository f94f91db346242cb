package remotetest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Ask sends a request and reads the whole reply; it closes the body.
func Ask(c *http.Client, r *http.Request) (reply *http.Response, text string, err error) {
	if reply, err = c.Do(r); err != nil {
		return nil, "", err
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	return reply, string(b), err
}

// Post posts a JSON text to a server that must answer.
func Post(t testing.TB, url, body string) (reply *http.Response, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if reply, text, err = Ask(http.DefaultClient, r); err != nil {
		t.Fatal(err)
	}
	return reply, text
}
