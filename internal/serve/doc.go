// Package serve is the web server of clockctl serve: JSON, server-sent events, metrics and the
// live page. What it says comes from functions; it knows no clock.
//
// It only answers GET, has a limit for everything a client could hold on to, sets no
// cookie, and allows no other origin to read it: on loopback it answers to no name that a foreign site
// could have pointed here. There is no authentication: it listens where it is told to.
package serve
