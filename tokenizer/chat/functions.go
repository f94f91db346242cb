package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"pgsrm/jinja"
)

// ErrTemplate is the error of a template that refuses its messages by
// raise_exception.
var ErrTemplate = errors.New("the chat template refuses the messages")

// ErrNoDate is the error of a template that asks for today's date where none was
// given: the clock is never read, so that a run can be repeated.
var ErrNoDate = errors.New("the chat template asks for today's date, and none is given")

// functions are those that transformers adds to Jinja. The zero time is no date.
func functions(now time.Time) jinja.Vars {
	return jinja.Vars{
		"raise_exception": jinja.Func("raise_exception", []string{"message"}, raise),
		"strftime_now": jinja.Func("strftime_now", []string{"format"}, func(args []jinja.Value) (jinja.Value, error) {
			format, ok := args[0].(string)
			if !ok {
				return nil, errors.New("strftime_now: format must be a text")
			}
			if now.IsZero() {
				return nil, ErrNoDate
			}
			return strftime(now, format)
		}),
	}
}

func raise(args []jinja.Value) (jinja.Value, error) {
	message, err := jinja.Text(args[0])
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %s", ErrTemplate, message)
}

// dateParts are the layouts of the formats of strftime in the C locale.
var dateParts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'B': "January", 'b': "Jan", 'A': "Monday", 'a': "Mon", 'e': "_2",
	'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06",
}

func strftime(now time.Time, format string) (jinja.Value, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		short := i < len(format) && format[i] == '-'
		if short {
			i++
		}
		if i >= len(format) {
			return nil, errors.New("strftime_now: format must not end with %")
		}
		layout, ok := dateParts[format[i]]
		switch {
		case format[i] == '%' && !short:
			b.WriteByte('%')
		case !ok || short && strings.IndexByte("dmHIMSjye", format[i]) < 0:
			return nil, fmt.Errorf("strftime_now: format %%%c is not supported", format[i])
		case short:
			b.WriteString(shortNumber(now.Format(layout)))
		default:
			b.WriteString(now.Format(layout))
		}
	}
	return b.String(), nil
}

// shortNumber drops the leading zeros and blanks of a number.
func shortNumber(s string) string {
	if s = strings.TrimLeft(s, " 0"); s == "" {
		return "0"
	}
	return s
}
