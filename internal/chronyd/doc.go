// Package chronyd starts real chronyd daemons on loopback for integration
// tests. They run with -x, which means that they cannot touch the system clock,
// and serve it: the operating system's time is the truth of those tests.
package chronyd
