package study

import (
	"embed"
	"strings"

	"pgsrm/config"
)

//go:embed named
var files embed.FS

// Names lists the studies in the program, sorted.
func Names() []string {
	entries, err := files.ReadDir("named")
	if err != nil {
		panic(err) // it is in the binary
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Named is the file of a study in the program; the name is one of Names.
func Named(name string) config.File {
	text, err := files.ReadFile("named/" + name + ".yaml")
	if err != nil {
		panic(err)
	}
	return config.File{Name: name + ".yaml", Text: text}
}
