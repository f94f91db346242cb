//go:build !amd64 && !arm64

package kernel

// available lists the tables that this CPU can run, best first.
func available() []*ops { return []*ops{goOps()} }
