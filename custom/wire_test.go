package custom

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestRequestLine(t *testing.T) {
	req, err := newRequest(3, []Sample{
		{Prompt: "a\nb", Response: "<c>", Reference: "d", Columns: []byte("{\n\"k\": [1]}")},
		{Response: "\xff"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":3,"samples":[{"prompt":"a\nb","response":"<c>","reference":"d","columns":{"k":[1]}},{"prompt":"","response":"\ufffd","reference":"","columns":{}}]}` + "\n"
	if line, err := req.line(); err != nil || string(line) != want {
		t.Errorf("got %s, %v", line, err)
	}
	for _, columns := range []string{"[1]", " ", "{", `{"a":NaN}`} {
		if _, err := newRequest(1, []Sample{{Columns: []byte(columns)}}); err == nil || !strings.HasPrefix(err.Error(), "columns of a sample must be a JSON object (got ") {
			t.Errorf("%s: got %v", columns, err)
		}
	}
}

func TestReadReply(t *testing.T) {
	got, err := readReply([]byte(`{"log":{"NaN":"a\"NaN"},"id":7,"rewards":[1,-2.5e-1,null,NaN,-Infinity,1e999,"NaN","x",true]}`+"\n"), 7, 9)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, -0.25, 0, math.NaN(), math.Inf(-1), math.Inf(1), math.NaN()} {
		r := got[i]
		if same := r.Reward == want || math.IsNaN(r.Reward) && math.IsNaN(want); !same || (r.Err != nil) != (i == 2) {
			t.Errorf("reward %d: got %v, %v", i, r.Reward, r.Err)
		}
	}
	if !errors.Is(got[2].Err, ErrNone) || got[7].Err == nil || got[8].Err == nil {
		t.Errorf("got %v", got)
	}
	for reply, want := range map[string]string{
		"":                                "reply must be JSON (got nothing)",
		"{}":                              "reply must have a list of rewards",
		`{"rewards":null}`:                "reply must have a list of rewards",
		`{"rewards":[1]}`:                 "reply must have a reward for each of 2 samples (got 1)",
		`{"id":8,"rewards":[1,2]}`:        "reply must have the id of its request, 7 (got 8)",
		`{"rewards":[1],"rewards":[1,2]}`: `reply must have each key once (got "rewards" twice)`,
		`{"rewards":[1,2]} x`:             "reply must be JSON (invalid character 'x' after top-level value)",
		`{"rewards":[1,nan]}`:             "reply must be JSON (invalid character 'a' in literal null (expecting 'u'))",
		`[1,2]`:                           "reply must have the documented form (cannot unmarshal array into Go value of type custom.rewards)",
	} {
		if _, err := readReply([]byte(reply), 7, 2); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %v", reply, err, want)
		}
	}
}

// Whatever a process writes, there is a result for each sample or an error, and no reward
// is out of bounds without one.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{`{"id":1,"rewards":[0.5,null]}`, `{"rewards":[NaN,-Infinity]}`, `{"rewards":["NaN",1e999]}`, `{"a":"\"NaN","rewards":[1,2]}`, `{"rewards":[1,`, "NaN", `"`, `\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		results, err := readReply(reply, 1, 2)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error must be one line (got %q)", err)
			}
			return
		}
		if len(results) != 2 {
			t.Errorf("got %d results", len(results))
		}
	})
}
