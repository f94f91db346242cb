package kernel

// available lists the tables that this CPU can run, best first. Every arm64 CPU that Go runs on has NEON.
func available() []*ops { return []*ops{neonOps(), goOps()} }
