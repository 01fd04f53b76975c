package main

import (
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// TestRecord_EachLineIsAsTheSchemaSays: of the recorded traces, and of a fresh one with
// servers that answer, lie, kiss and are silent.
func TestRecord_EachLineIsAsTheSchemaSays(t *testing.T) {
	schemas, err := strictSchemas()
	require.NoError(t, err)
	env := scriptFleet(t)
	fresh := t.TempDir() + "/fresh.ndjson"
	code, _, stderr := invoke(t.Context(), "record", "--count", "16", "-i", "10ms", "--timeout", "50ms", "--max-faulty", "1", fresh,
		env["H1"], env["H2"], env["H3"], env["LIAR"], env["KISS"], env["MUTE"], env["CLOSED"], env["HELD"])
	require.Equal(t, 0, code, stderr)
	seen := map[string]int{}
	for _, file := range []string{fresh, env["TRACES"] + "/loopback.ndjson", env["TRACES"] + "/simulated.ndjson"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			require.NoError(t, err)
			require.NoError(t, schemas["record-line.json"].Validate(value), line)
			seen[value.(map[string]any)["type"].(string)]++
		}
	}
	require.Greater(t, seen["sample"], 100)
	require.Greater(t, seen["bound"], 100)
	require.GreaterOrEqual(t, seen["event"], 5)
}

func TestBytesize_Spellings(t *testing.T) {
	for text, want := range map[string]bytesize{"1": 1, "10MB": 10e6, "64KiB": 65536, "1.5 kB": 1500, "2GiB": 2 << 30, "100B": 100} {
		var b bytesize
		require.NoError(t, b.Set(text), text)
		require.Equal(t, want, b, text)
	}
	for _, bad := range []string{"", "MB", "-1", "0", "0.5", "NaN", "1e30", "10 Mb", "ten"} {
		require.Error(t, new(bytesize).Set(bad), bad)
	}
}
