// Package study runs grids of runs: a study file says what all of its runs have in
// common and in which keys they differ, every combination is a cell, and every cell is a
// run directory of its own.
//
//	file.go      study files, read strictly
//	node.go      what of YAML they may hold
//	plan.go      the cells of a study, their names and configurations, shards
//	cost.go      what the cells will take
//	run.go       the cells trained one after another or side by side
//	measure.go   what is measured of a trained child, once, at the end of its cell
//	likeness.go  of answers among one another
//	made.go      children and parents that the cells need
//	baserate.go  a child that is right as often as asked
//	parents.go   parents that are wrong, or say it in other words
//	transfer.go  tasks in other words and of other subjects
//	merge.go     the numbers of all cells      table.go   their tables
//	match.go     a curve of levels compared at equal height
//	named.go     the studies in the program
//	cluster/     the shards handed to Slurm, Kubernetes, Ray
//
// Planning, running and merging are apart: which cells there are depends on the file alone,
// a cell on nothing but its configuration, and the tables on what the cells have left. So
// any process may run any cell.
package study
