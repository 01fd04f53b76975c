package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHLCJSON_KeepsItsContract: the keys, written down a second time. Whatever may
// exceed 2^53 is a string; a form that cannot hold the timestamp is null.
func TestHLCJSON_KeepsItsContract(t *testing.T) {
	code, stdout, stderr := invoke(t.Context(), "hlc", "parse", "--json", "18d75b842b4ecd1500000007", "--", "-1.500000000,2")
	require.Zero(t, code, stderr)
	require.True(t, strings.HasPrefix(stdout, `{"schema":"clockctl/v1",`))
	require.Equal(t, 1, strings.Count(stdout, "\n"))
	var o struct{ Timestamps []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(stdout), &o))
	packed := func(value any, rounding any) map[string]any {
		return map[string]any{"value": value, "rounding_ns": rounding}
	}
	require.Equal(t, []map[string]any{{
		"input": "18d75b842b4ecd1500000007", "form": "binary", "time": "2026-09-21T14:13:20.123456789Z", "logical": 7.0,
		"text": "1790000000.123456789,7", "decimal": "1790000000123456789.0000000007", "sortable": "20260921T141320.123456789Z-0000000007",
		"binary": "18d75b842b4ecd1500000007", "descending": "e728a47bd4b132eafffffff8",
		"packed": map[string]any{
			"kudu": packed("7331840000505679872", 211.0), "tikv": packed("469237760032505856", 543_211.0),
			"ntp48x16": packed("17175526113600536576", 2074.0), "couchbase": packed("1790000000123469824", 13_035.0),
		},
	}, {
		"input": "-1.500000000,2", "form": "text", "time": "1969-12-31T23:59:58.500000000Z", "logical": 2.0,
		"text": "-1.500000000,2", "decimal": nil, "sortable": nil, "binary": nil, "descending": nil,
		"packed": map[string]any{
			"kudu": packed(nil, nil), "tikv": packed(nil, nil), "ntp48x16": packed("9487534646787833858", 0.0), "couchbase": packed(nil, nil),
		},
	}}, o.Timestamps)
}

// TestHLCParse_ReadsWhatNowPrints in each form.
func TestHLCParse_ReadsWhatNowPrints(t *testing.T) {
	_, stdout, _ := invoke(t.Context(), "hlc", "now")
	for line := range strings.Lines(stdout) {
		cells := strings.Fields(line)
		var args []string
		switch cells[0] {
		case "FORM", "time":
			continue
		case "kudu", "tikv", "ntp48x16", "couchbase":
			args = []string{"--layout", cells[0]}
		}
		code, again, stderr := invoke(t.Context(), append([]string{"hlc", "parse", cells[1]}, args...)...)
		require.Zero(t, code, stderr)
		require.Regexp(t, `(?m)^`+cells[0]+` +`+cells[1]+` +exact$`, again)
		if args == nil {
			require.Equal(t, stdout, again)
		}
	}
}
