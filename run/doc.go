// Package run is the training loop: configuration, run directory, checkpoints,
// resume and events. A run is a pure function of its configuration: killed at
// any instant and resumed it writes the same bits as a run that was left alone.
package run
