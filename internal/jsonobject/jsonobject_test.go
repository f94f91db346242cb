package jsonobject

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

func TestEach(t *testing.T) {
	var got []string
	err := Each([]byte(`{"b":[1, 2],"a":null} `), func(name string, value json.RawMessage) error {
		got = append(got, name, string(value))
		return nil
	})
	if want := []string{"b", "[1, 2]", "a", "null"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	stop := errors.New("stop")
	if err := Each([]byte(`{"a":1,"b":2}`), func(string, json.RawMessage) error { return stop }); err != stop {
		t.Errorf("got %v", err)
	}
	for text, want := range map[string]string{
		`x`:             "not JSON: invalid character 'x' looking for beginning of value",
		`[]`:            "must be a JSON object (got [)",
		`{"a":1,"a":2}`: `name "a" must be unique`,
		`{"a":}`:        `not JSON at "a": invalid character '}' looking for beginning of value`,
		`{"a":1`:        "not JSON: EOF",
		`{}{}`:          "nothing must follow the JSON object",
	} {
		err := Each([]byte(text), func(string, json.RawMessage) error { return nil })
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestText(t *testing.T) {
	if got := string(Text(map[string]any{"b": "<&>", "a": []int{1}})); got != `{"a":[1],"b":"<&>"}` {
		t.Errorf("got %s", got)
	}
}
