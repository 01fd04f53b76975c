// Package bench compares what this toolkit does with what other libraries do, in one run.
// It is a module of its own, so that nobody who uses the toolkit depends on them.
package bench
