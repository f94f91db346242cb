//go:build race

package lm

// raceDetector says that memory is watched, which multiplies what a process needs.
const raceDetector = true
