package remote

import (
	"regexp"
	"strings"
	"unicode"
)

// urlSecrets are the parts of a URL that can hold a secret: the user before the
// host, and what follows a question mark.
var urlSecrets = regexp.MustCompile(`(://)[^/\s"'?#]*@|\?[^\s"'#]*`)

// Redact blots out user names, passwords and queries of the URLs in a text, so
// that a mistyped name of a server can be shown.
func Redact(text string) string {
	at := strings.Index(text, "://")
	if at < 0 {
		return text
	}
	return text[:at] + urlSecrets.ReplaceAllStringFunc(text[at:], func(s string) string {
		if strings.HasPrefix(s, "?") {
			return "?[redacted]"
		}
		return "://[redacted]@"
	})
}

// maskedKey is what servers make of a key in their messages, and what looks
// like one.
var maskedKey = regexp.MustCompile(`\S*\*{3,}\S*|\b(sk|hf|gsk|xai|key)[-_][A-Za-z0-9_\-]{8,}|(?i:bearer)\s+\S+`)

// excerptLen is the number of characters of a reply that an error shows.
const excerptLen = 160

// cleanMost is how many bytes of a text are searched for what an excerpt must not
// show. Whatever is longer is cut after the key has been replaced.
const cleanMost = maxErrorBody

// clean makes the excerpt of a reply: one line, printable, short, without the
// key and without anything that looks like one. What must not be shown is
// replaced before anything is cut: half a key would not be recognised.
func clean(text, key string) string {
	text = hideKey(text, key)
	if len(text) > cleanMost {
		text = text[:cleanMost]
		if end := strings.LastIndexAny(text, " \t\r\n"); end >= 0 {
			text = text[:end] // not half of what looks like a key
		}
	}
	text = maskedKey.ReplaceAllString(text, "[key]")
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	text = Redact(strings.Join(strings.Fields(text), " "))
	if runes := []rune(text); len(runes) > excerptLen {
		text = string(runes[:excerptLen]) + "..."
	}
	return text
}

// Excerpt is a text that a server sent, made fit for a message: one line,
// printable, at most 160 characters, without the key and what looks like one.
func Excerpt(text, key string) string { return clean(text, key) }
