// Package chronyc asks the chronyd of this machine what it thinks, by the monitoring protocol of
// chronyc, over chronyd's unix socket or UDP port 323. It only makes requests that change
// nothing, and turns every offset to the sign of this repository: positive means that the wall
// clock is slow.
//
// The packets are those of github.com/facebook/time/ntp/chrony. It does not look at whose reply
// it decodes, so the connection beneath it lets only replies to the last request through.
package chronyc
