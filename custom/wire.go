package custom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"pgsrm/remote"
)

// maxReply is the longest reply in bytes: some hundred for each sample of the largest batch.
const maxReply = 1 << 20

// request is a batch on the wire.
type request struct {
	ID      int64    `json:"id,omitempty"` // of a process: number of the request, which the reply may repeat
	Samples []Sample `json:"samples"`
}

// newRequest makes a batch fit to be sent: columns are always an object.
func newRequest(id int64, samples []Sample) (request, error) {
	r := request{id, slices.Clone(samples)}
	for i, s := range r.Samples {
		if len(s.Columns) == 0 {
			r.Samples[i].Columns = json.RawMessage("{}")
		} else if !bytes.HasPrefix(bytes.TrimSpace(s.Columns), []byte("{")) || !json.Valid(s.Columns) {
			return r, fmt.Errorf("columns of a sample must be a JSON object (got %.80q)", s.Columns)
		}
	}
	return r, nil
}

// line is the request as one line.
func (r request) line() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(r)
	return b.Bytes(), err
}

// rewards is a reply on the wire.
type rewards struct {
	ID      *int64            `json:"id"`
	Rewards []json.RawMessage `json:"rewards"`
}

// readReply reads {"rewards":[0.5,null,...]} with a reward for each of n samples; further
// keys do not count. An id must be that of the request. NaN and Infinity, which JSON does
// not have and Python writes, are the error of their sample.
func readReply(reply []byte, id int64, n int) ([]Result, error) {
	var r rewards
	if err := remote.Decode(quoteNonFinite(reply), &r); err != nil {
		return nil, err
	}
	switch {
	case r.Rewards == nil:
		return nil, errors.New("reply must have a list of rewards")
	case r.ID != nil && *r.ID != id:
		return nil, fmt.Errorf("reply must have the id of its request, %d (got %d)", id, *r.ID)
	case len(r.Rewards) != n:
		return nil, fmt.Errorf("reply must have a reward for each of %d samples (got %d)", n, len(r.Rewards))
	}
	out := make([]Result, n)
	for i, raw := range r.Rewards {
		out[i] = readReward(raw)
	}
	return out, nil
}

// readReward reads a number, null, or what quoteNonFinite has made of another.
func readReward(raw json.RawMessage) Result {
	text := string(raw)
	if text == "null" {
		return Result{Err: ErrNone}
	}
	if plain, err := strconv.Unquote(text); err == nil && slices.Contains(nonFinite, plain) {
		text = plain
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(x, 0) {
		return Result{Err: fmt.Errorf("reward must be a number or null (got %s)", remote.Excerpt(text, ""))}
	}
	return Result{Reward: x}
}

// nonFinite are the numbers that Python writes and JSON does not have.
var nonFinite = []string{"NaN", "-Infinity", "Infinity"}

// quoteNonFinite makes texts of them, so that the rest can be read as JSON.
func quoteNonFinite(text []byte) []byte {
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	inside := false // a text
next:
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inside = !inside
		case inside && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
		case !inside:
			for _, word := range nonFinite {
				if bytes.HasPrefix(text[i:], []byte(word)) {
					out = strconv.AppendQuote(out, word)
					i += len(word) - 1
					continue next
				}
			}
		}
		out = append(out, text[i])
	}
	return out
}
