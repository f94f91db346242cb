package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Interval is a range of numbers.
type Interval struct {
	Low, High         float64
	AboveLow          bool   // Low itself is excluded
	BelowHigh         bool   // High itself is excluded
	lowText, highText string // as they were written
}

// ParseInterval reads "[0, 1]", "(0, 1]", "[0, 1)" or "(0, 1)". It panics on
// anything else: intervals stand in the source alone.
func ParseInterval(text string) Interval {
	inner := strings.TrimRight(strings.TrimLeft(text, "[("), "])")
	low, high, ok := strings.Cut(inner, ", ")
	i := Interval{AboveLow: strings.HasPrefix(text, "("), BelowHigh: strings.HasSuffix(text, ")"), lowText: low, highText: high}
	var errLow, errHigh error
	i.Low, errLow = strconv.ParseFloat(low, 64)
	i.High, errHigh = strconv.ParseFloat(high, 64)
	if !ok || errLow != nil || errHigh != nil || !(i.Low <= i.High) || len(inner)+2 != len(text) {
		panic(fmt.Sprintf("config: interval must be [LOW, HIGH], or with parentheses (got %q)", text))
	}
	return i
}

// Contains reports whether x is in the interval; NaN is in none.
func (i Interval) Contains(x float64) bool {
	above := x > i.Low || x == i.Low && !i.AboveLow
	below := x < i.High || x == i.High && !i.BelowHigh
	return above && below
}

// String says what a number must be: "between 0 and 1".
func (i Interval) String() string {
	switch {
	case i.AboveLow && i.BelowHigh:
		return "above " + i.lowText + " and below " + i.highText
	case i.AboveLow:
		return "above " + i.lowText + " and at most " + i.highText
	case i.BelowHigh:
		return "at least " + i.lowText + " and below " + i.highText
	}
	return "between " + i.lowText + " and " + i.highText
}

// short is String for the description of a key: "0 to 1".
func (i Interval) short() string {
	low, high := i.lowText, i.highText
	if i.AboveLow {
		low = "above " + low
	}
	if i.BelowHigh {
		high = "below " + high
	}
	return low + " to " + high
}

// number is the value of a field as a number, ok where it is one.
func number(v reflect.Value) (x float64, ok bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}
