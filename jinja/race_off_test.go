//go:build !race

package jinja

// raceDetector says that memory is watched: then pools drop what they should keep.
const raceDetector = false
