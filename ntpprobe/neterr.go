package ntpprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// Windows reports an ICMP "port unreachable" as a reset connection, and a
// datagram that does not fit the buffer as an error. The numbers mean nothing elsewhere.
const (
	wsaeMsgSize   = syscall.Errno(10040)
	wsaeConnReset = syscall.Errno(10054)
)

func isOversized(err error) bool { return errors.Is(err, wsaeMsgSize) }

func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaeConnReset)
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// networkReason turns an error of resolving, dialling, writing or reading into a
// reason. strays are the datagrams that came and were not for us.
func networkReason(err error, strays int) (Reason, string) {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		if dns.IsTimeout {
			return ReasonResolve, "the name server did not answer in time"
		}
		return ReasonResolve, "the name does not resolve"
	case isRefused(err):
		return ReasonRefused, "nobody listens on that port"
	case isTimeout(err) && strays > 0:
		return ReasonMalformed, fmt.Sprintf("%d %s came, none a reply to our request", strays, plural(strays, "datagram", "datagrams"))
	case isTimeout(err):
		return ReasonTimeout, "no reply in time"
	}
	return ReasonNoRoute, "the network cannot send there: " + cause(err).Error()
}

// cause strips what package net puts in front of the system's own words.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
