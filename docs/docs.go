// Package docs holds the pages of the manual that the program shows.
package docs

import _ "embed"

// Configuration is the page that describes every key of a configuration.
//
//go:embed configuration.md
var Configuration string
