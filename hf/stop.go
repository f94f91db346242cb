package hf

import (
	"fmt"
	"strings"

	"pgsrm/config"
)

// Bounds of Stop: every token is followed by a search for every text.
const (
	maxStops = 64      // texts
	maxStop  = 1 << 10 // bytes of one
)

// Stop are texts that end an answer, which is what stands before the first of them.
type Stop []string

// Validate reports the first text that cannot be used.
func (s Stop) Validate() error {
	if len(s) > maxStops {
		return &config.Error{Must: fmt.Sprintf("must have at most %d texts", maxStops), Value: fmt.Sprint(len(s))}
	}
	for _, text := range s {
		if text == "" || len(text) > maxStop {
			return &config.Error{Must: fmt.Sprintf("must hold texts of 1 to %d bytes", maxStop), Value: fmt.Sprintf("one of %d", len(text))}
		}
	}
	return nil
}

// Find is the place in text where the first of the texts begins, -1 where there is none.
func (s Stop) Find(text string) int {
	first := -1
	for _, stop := range s {
		if at := strings.Index(text, stop); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// Answer is the text of a response, which ends before the first of the texts of stop.
func (m *Model) Answer(response []int32, stop Stop) string {
	text := m.Tokenizer.Decode(response, true)
	if at := stop.Find(text); at >= 0 {
		return text[:at]
	}
	return text
}

// Ends makes the lm.SampleOptions.Stop of the texts; it is nil where there are none.
func (m *Model) Ends(stop Stop) func(response []int32) bool {
	if len(stop) == 0 {
		return nil
	}
	return func(response []int32) bool { return stop.Find(m.Tokenizer.Decode(response, true)) >= 0 }
}
