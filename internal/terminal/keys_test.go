package terminal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTyped_LeavesFunctionKeysOut(t *testing.T) {
	for piece, want := range map[string]string{
		"q": "q", "\x03": "\x03", "": "", "abc": "abc",
		"\x1b[A":           "", // up
		"\x1b[Aq":          "q",
		"x\x1b[1;5Cy":      "xy", // Ctrl-right
		"\x1bOPq":          "q",  // F1
		"\x1bq":            "",   // Alt-q
		"\x1b":             "\x1b",
		"\x1b[":            "",
		"\x1b[12":          "",
		"\x1bO":            "",
		"\x1b[15~\x1b[Bqq": "qq",
	} {
		require.Equal(t, want, string(typed([]byte(piece))), "%q", piece)
	}
}
