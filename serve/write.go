package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
)

// problem is an answer that is no reward: docs/serve.md lists all.
type problem struct {
	status int
	code   string
	text   string
	retry  bool // the same request may be answered later
}

func (p *problem) Error() string { return p.text }

// The answers that shed load or say that the time is over.
var (
	errBusy = &problem{http.StatusServiceUnavailable, "busy", "too many samples are waiting", true}
	errFull = &problem{http.StatusServiceUnavailable, "busy", "too many bytes of requests are in memory", true}
	errStop = &problem{http.StatusServiceUnavailable, "stopping", "the server is stopping", true}
)

// badf is the answer to a request that cannot be understood.
func badf(format string, args ...any) error {
	return &problem{http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...), false}
}

// problemOf is the answer to an error of a request or of a sample.
func problemOf(err error) *problem {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, errLate):
		return &problem{http.StatusServiceUnavailable, "deadline", "the sample could not be scored in time", true}
	case errors.Is(err, errBroken):
		return &problem{http.StatusInternalServerError, "internal", err.Error(), true}
	case passing(err):
		return &problem{http.StatusServiceUnavailable, "unavailable", err.Error(), true}
	}
	return &problem{http.StatusUnprocessableEntity, "unscored", err.Error(), false}
}

// writeProblem answers with an error.
func writeProblem(w http.ResponseWriter, p *problem) {
	b := append(appendText([]byte(`{"error":{"code":`), p.code), `,"message":`...)
	b = append(appendText(b, p.text), `,"retry":`...)
	b = append(strconv.AppendBool(b, p.retry), "}}\n"...)
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, p.status, b)
}

// writeJSON answers with a JSON text.
func writeJSON(w http.ResponseWriter, status int, b []byte) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	w.WriteHeader(status)
	w.Write(b) // who does not read it is cut off
}

var jsonType = []string{"application/json"}

// appendFloat writes a finite number with a fraction or an exponent, so that no client takes
// it for an integer: 1.0, never 1.
func appendFloat(b []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		panic("serve: a number of a reply must be finite")
	}
	n := len(b)
	b = strconv.AppendFloat(b, x, 'g', -1, 64)
	for _, c := range b[n:] {
		if c == '.' || c == 'e' {
			return b
		}
	}
	return append(b, ".0"...)
}

// appendText writes a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			text, _ := json.Marshal(s) // a string always has a JSON form
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
