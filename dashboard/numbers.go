package dashboard

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
)

// number is a member of a JSON object that is one.
type number struct {
	name  string
	value float64
}

// numbers appends to out every member of a JSON object that is a number, in the order of the
// text. Lines of metrics and timings are flat objects of numbers with plain names, which are
// read here without a detour; any other is left to encoding/json.
func numbers(line string, out []number) ([]number, error) {
	if plain, ok := plainNumbers(line, out); ok {
		return plain, nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		return out, errors.New("must be a JSON object")
	}
	for _, first := range []string{"step", "episode"} { // the others are read after these
		if n, ok := fields[first].(float64); ok {
			out = append(out, number{first, n})
			delete(fields, first)
		}
	}
	for name, v := range fields {
		if n, ok := v.(float64); ok {
			out = append(out, number{name, n})
		}
	}
	return out, nil
}

// plainNumbers reads {"name":1.5,"other":2} without spaces and escapes; ok is false where
// the text is another.
func plainNumbers(s string, out []number) (numbers []number, ok bool) {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return out, false
	}
	s = s[1 : len(s)-1]
	for s != "" {
		if s[0] != '"' {
			return out, false
		}
		end := strings.IndexByte(s[1:], '"') + 1
		if end < 1 || end+1 >= len(s) || s[end+1] != ':' || strings.IndexByte(s[1:end], '\\') >= 0 {
			return out, false
		}
		name := s[1:end]
		text, rest, more := strings.Cut(s[end+2:], ",")
		v, fine := parseNumber(text)
		if !fine || more && rest == "" {
			return out, false
		}
		out = append(out, number{name, v})
		s = rest
	}
	return out, true
}

// parseNumber reads a decimal number to the precision of a chart, 15 digits or more. It is
// several times as fast as strconv, by which most of the time of reading would go.
func parseNumber(s string) (v float64, ok bool) {
	digits, power, seen, i := uint64(0), 0, 0, 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	point := false
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		seen++
		if digits < 1e17 {
			digits = digits*10 + uint64(c-'0')
			if point {
				power--
			}
		} else if !point {
			power++
		}
	}
	if seen == 0 {
		return 0, false
	}
	if i < len(s) {
		if s[i] != 'e' && s[i] != 'E' {
			return 0, false
		}
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e < -1000 || e > 1000 {
			return 0, false
		}
		power += e
	}
	v = float64(digits)
	if power < -300 { // the power itself would be 0
		v, power = v*1e-300, power+300
	}
	if v *= math.Pow10(power); s[0] == '-' {
		v = -v
	}
	return v, !math.IsInf(v, 0)
}
