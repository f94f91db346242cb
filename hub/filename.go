package hub

import (
	"fmt"
	"regexp"
	"strings"
)

// reserved are the devices that Windows opens under such a name in any folder,
// with any extension.
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ ]*(\.|$)`)

// maxFilename is the length in bytes that every file system takes.
const maxFilename = 255

// checkFilename refuses what is not the name of a file in the folder itself on
// every system, whatever this one makes of it: a cache is copied and shared. A
// backslash or a drive leads elsewhere on Windows, a colon opens a stream of
// another file, a dot or a blank at the end is dropped.
func checkFilename(name string) error {
	switch {
	case name == "", len(name) > maxFilename,
		strings.Trim(name, ".") == "",
		strings.ContainsAny(name, `/\:*?"<>|`),
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }),
		strings.HasSuffix(name, "."), strings.HasSuffix(name, " "), strings.HasPrefix(name, " "),
		reserved.MatchString(name):
		return fmt.Errorf("must be the name of a file on every system (got %.80q)", name)
	}
	return nil
}
