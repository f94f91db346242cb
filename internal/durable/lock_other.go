//go:build !unix && !windows

package durable

import "os"

// lockFile takes no lock: the system has none.
func lockFile(*os.File, kind) error { return nil }
