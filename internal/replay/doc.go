// Package replay asks what a recording would have said under other assumptions: it feeds
// the recorded exchanges to an ntpprobe.Estimator and a truetime.Clock as a prober does, and
// looks at that clock just before and just after each. It is pure.
package replay
