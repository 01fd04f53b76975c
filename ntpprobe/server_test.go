package ntpprobe

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServer_AddressForms(t *testing.T) {
	cases := []struct {
		address, canonical, domain string
		private                    bool
	}{
		{"ntp1.example.net", "ntp1.example.net:123", "ntp1.example.net", false},
		{"NTP1.Example.Net:1123", "ntp1.example.net:1123", "ntp1.example.net", false},
		{"ntp1.example.net.", "ntp1.example.net:123", "ntp1.example.net", false},
		{"192.0.2.1", "192.0.2.1:123", "192.0.2.1", false},
		{"192.0.2.1:1", "192.0.2.1:1", "192.0.2.1", false},
		{"2001:db8::1", "[2001:db8::1]:123", "2001:db8::1", false},
		{"[2001:db8::1]", "[2001:db8::1]:123", "2001:db8::1", false},
		{"[2001:0DB8:0::1]:65535", "[2001:db8::1]:65535", "2001:db8::1", false},
		{"::ffff:192.0.2.1", "192.0.2.1:123", "192.0.2.1", false},
		{"127.0.0.1:1123", "127.0.0.1:1123", "127.0.0.1:1123", true},
		{"[::1]:1123", "[::1]:1123", "127.0.0.1:1123", true},
		{"[::1%lo]:1123", "[::1%lo]:1123", "127.0.0.1:1123", true},
		{"0.0.0.0:1123", "0.0.0.0:1123", "127.0.0.1:1123", true},
		{"127.0.9.2:1123", "127.0.9.2:1123", "127.0.9.2:1123", true},
		{"localhost:1123", "localhost:1123", "127.0.0.1:1123", true},
		{"fe80::1%eth0", "[fe80::1%eth0]:123", "fe80::1%eth0", true},
		{"169.254.1.1", "169.254.1.1:123", "169.254.1.1", true},
	}
	for _, c := range cases {
		s := Server{Address: c.address}
		name, err := s.Canonical()
		require.NoError(t, err, c.address)
		require.Equal(t, c.canonical, name, c.address)
		require.Equal(t, c.domain, s.FailureDomain(), c.address)
		require.Equal(t, c.private, s.IsPrivate(), c.address)
	}
	require.Equal(t, "lab", Server{Address: "a", Domain: "lab"}.FailureDomain())
	require.True(t, Server{Address: "a", Private: true}.IsPrivate())
}

func TestServer_BadAddressesAndPolicies(t *testing.T) {
	for _, bad := range []string{
		"", ":123", "[]:123", "a:", "a:0", "a:-1", "a:65536", "a:99999999999999999999", "a:ntp", "[::1", "::1]", "[::1]x", "[::1]123",
		"1:2:3", "a..", "a..b:1", ".a", ".", "a b", "a/b", "user@host", "https://host", "a\nb", "a\x00b", "[a:b]:1", string(make([]byte, 300)),
	} {
		_, err := Server{Address: bad}.Canonical()
		var address *AddressError
		require.ErrorAs(t, err, &address, "%q", bad)
	}
	for why, s := range map[string]Server{
		"a negative margin":       {Address: "a", Margin: -1},
		"an endless margin":       {Address: "a", Margin: math.MaxInt64},
		"a scale that narrows":    {Address: "a", Scale: 0.5},
		"a negative scale":        {Address: "a", Scale: -1},
		"a scale of NaN":          {Address: "a", Scale: math.NaN()},
		"an infinite scale":       {Address: "a", Scale: math.Inf(1)},
		"a negative one-way":      {Address: "a", MinOneWay: -1},
		"a one-way of 10 minutes": {Address: "a", MinOneWay: 10 * time.Minute},
	} {
		_, err := Server(s).Canonical()
		require.ErrorAs(t, err, new(*AddressError), why)
	}
}

func FuzzServerAddress(f *testing.F) {
	for _, seed := range []string{"a", "a:1", "[::1]:1", "::1", "[", "]:", "%", "1.2.3.4:5", "0..", "a.", "fe80::1%a."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		name, err := Server{Address: address}.Canonical()
		if err != nil {
			return
		}
		again, err := Server{Address: name}.Canonical()
		require.NoError(t, err, "the canonical form of %q", address)
		require.Equal(t, name, again)
	})
}
