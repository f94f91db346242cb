package task

import "strings"

// Normalize returns s as strict exact match compares it: trimmed, in lower case,
// every run of white space one space.
func Normalize(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}

// Exact reports whether a response is the reference or one of the accepted
// answers after Normalize. An empty response never is.
func Exact(response, reference string, accepted []string) bool {
	return right(Normalize, response, reference, accepted)
}
