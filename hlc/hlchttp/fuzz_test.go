package hlchttp

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// FuzzHeader: any value of the header is refused with a reason and without a trace, or the event is above it.
func FuzzHeader(f *testing.F) {
	for _, seed := range []string{"", "0.000000000,0", stamp(0), stamp(1 << 28), stamp(1 << 40), "9223372036.854775807,4294967295", "-1.000000000,0", "1.000000000,0, 2", Unavailable} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		clock := newClock(t, 0)
		before := clock.Now()
		s, err := newSide(Plain(clock), Options{Trusted: Everyone})
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		receipt, err := s.receive(t.Context(), r, http.Header{"Hlc-Timestamp": {value}})
		require.NoError(t, err)
		require.True(t, receipt.At.After(before))
		if receipt.Refused != nil {
			require.True(t, isRefusal(receipt.Refused))
			require.Equal(t, noon, clock.Peek().WallTime)
			return
		}
		require.True(t, receipt.At.After(receipt.Sent))
		parsed, err := hlc.Parse(value)
		require.NoError(t, err)
		require.Equal(t, parsed, receipt.Sent)
	})
}
