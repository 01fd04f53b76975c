// Package chronylog reads what chronyd writes with "log measurements" (or rawmeasurements),
// "log tracking" and "log statistics": offsets of the system clock and, but for the last,
// claimed errors. It is pure.
//
// These logs cannot be replayed: the four timestamps are not in them, their moments are
// whole seconds, and the clock that they compare with was steered in between. What they say
// is taken as it stands, rounded outward. Source: chrony.conf(5), "log".
package chronylog
