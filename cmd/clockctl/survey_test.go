package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

// TestInOrder_AsTheyWereNamed: whoever answered first; one that was named twice is there twice, and one of which nothing is known is not.
func TestInOrder_AsTheyWereNamed(t *testing.T) {
	server := func(address string) ntpprobe.Server { return ntpprobe.Server{Address: address} }
	var answered []ntpprobe.SourceStatus
	for _, address := range []string{"c", "a", "b", "a"} {
		answered = append(answered, ntpprobe.SourceStatus{Server: server(address)})
	}
	var got []string
	for _, s := range inOrder(answered, []ntpprobe.Server{server("a"), server("b"), server("silent"), server("a"), server("c")}) {
		got = append(got, s.Server.Address)
	}
	require.Equal(t, []string{"a", "b", "a", "c"}, got)
}
