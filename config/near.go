package config

import (
	"reflect"
	"strings"
)

// Nearest is the word that is most like the one that was written, "" where none
// is: one slip in three letters counts as likeness, none in a word of three.
func Nearest(written string, words []string) string {
	slips := min(3, len(written)/3)
	if len(written) <= 3 || len(written) > 64 {
		slips = 0
	}
	least, nearest := slips+1, ""
	for _, w := range words {
		if d := distance(strings.ToLower(written), strings.ToLower(w)); d < least && d < len(w) {
			least, nearest = d, w
		}
	}
	return nearest
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours that make b of a (optimal string alignment).
func distance(a, b string) int {
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}

// nearestKey is the key that an unknown one may stand for: its alias, a key in
// another section with the same last part, or the one that is spelled most alike.
func nearestKey(written string, root reflect.Value, aliases map[string]string) string {
	last := written[strings.LastIndex(written, ".")+1:]
	for _, name := range []string{written, last} {
		if key, ok := aliases[strings.ToLower(strings.ReplaceAll(name, "-", "_"))]; ok {
			return key
		}
	}
	var names, siblings []string
	section := strings.TrimSuffix(written, last)
	found := ""
	for _, k := range appendKeys(nil, "", root) {
		names = append(names, k.Name)
		own := k.Name[strings.LastIndex(k.Name, ".")+1:]
		if rest, ok := strings.CutPrefix(k.Name, section); ok && !strings.Contains(rest, ".") {
			siblings = append(siblings, rest)
		}
		if own == last && found == "" {
			found = k.Name
		}
	}
	if near := Nearest(last, siblings); near != "" {
		return section + near
	}
	if found != "" {
		return found
	}
	if near := Nearest(written, names); near != "" {
		return near
	}
	for _, name := range names {
		if own := name[strings.LastIndex(name, ".")+1:]; Nearest(last, []string{own}) != "" {
			return name
		}
	}
	return ""
}
