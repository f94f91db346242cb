//go:build race

package hf

// raceDetector says that memory is watched, which multiplies what a process needs.
const raceDetector = true
