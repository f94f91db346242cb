package reward

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"testing"
)

// goldenBound is what float64 sums in another order may differ by, and far below what
// anyone prints.
const goldenBound = 1e-9

// The terms of texts equal rapidfuzz, rouge-score and sacreBLEU (testdata/make.py).
func TestTextTermsEqualPython(t *testing.T) {
	f, err := os.Open("testdata/texts.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	metrics := []struct {
		name string
		of   func(response, reference string) float64
	}{{"levenshtein", levenshtein}, {"rouge_l", rougeL}, {"bleu", bleu}, {"chrf", ChrF}}
	between := make([]int, len(metrics)) // values that are neither 0 nor 1
	worst := make([]float64, len(metrics))
	d := json.NewDecoder(z)
	n := 0
	for ; ; n++ {
		var response, reference string
		want := make([]float64, len(metrics))
		row := []any{&response, &reference}
		for k := range want {
			row = append(row, &want[k])
		}
		if err := d.Decode(&row); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for k, m := range metrics {
			got := m.of(response, reference)
			if worst[k] = max(worst[k], math.Abs(got-want[k])); !(math.Abs(got-want[k]) <= goldenBound) {
				t.Errorf("%s of %.200q for %.200q: got %v, want %v", m.name, response, reference, got, want[k])
			}
			if want[k] > 0 && want[k] < 1 {
				between[k]++
			}
		}
	}
	if n != 500 {
		t.Errorf("got %d pairs", n)
	}
	for k, m := range metrics {
		t.Logf("%s: differs by at most %.1e, %d values between 0 and 1", m.name, worst[k], between[k])
		if between[k] < 100 {
			t.Errorf("%s: %d values between 0 and 1 are too few to tell", m.name, between[k])
		}
	}
}
