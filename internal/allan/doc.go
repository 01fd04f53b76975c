// Package allan tells how steady a clock runs: the overlapping Allan deviation of a
// series of its offsets. It is pure.
package allan
