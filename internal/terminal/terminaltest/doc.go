// Package terminaltest is a person in front of a terminal, for tests of programs that draw on one.
package terminaltest
