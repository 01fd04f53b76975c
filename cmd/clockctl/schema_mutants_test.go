package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
)

// optional are the keys that may be missing: an object without the last three is one of another schema.
var optional = []string{"error", "best", "needed", "offset", "basis", "targets", "repair", "type", "events", "watched_ns"}

// signed are the differences and readings that may be negative, and what was typed.
var signed = []string{
	"offset_ns", "last_offset_ns", "tai_offset_ns", "difference_ns", "skew_min_ns", "skew_max_ns", "lead_ns", "disagreement_ns", "size_ns", "reading_ns",
	"ahead_ns", "warning_ns", "critical_ns", "at_ns", "t1_ns", "t4_ns", "probe.delay_ns", "record.delay_ns", // the last two are of one exchange with a server that lies about itself
}

// TestSchema_RefusesMutants of all that is printed: an object with a key less or one more, with a value of another
// type, or with a negative duration where none can be, is none of its schema.
func TestSchema_RefusesMutants(t *testing.T) {
	env := printedEnvironment(t)
	tried := map[string]bool{}
	for _, row := range printed {
		args := strings.Fields(os.Expand(row.line, func(name string) string { return env[name] }))
		_, stdout, _ := invokeOnce(t.Context(), args...)
		name, err := schemaName(args)
		require.NoError(t, err)
		for line := range strings.Lines(stdout) {
			refuseMutants(t, tried, name, line, func(object any) error { return checkObject(args, object) })
		}
	}
	require.Greater(t, len(tried), 1000)
}

// TestSchema_RefusesMutantsOfTheRest: of what serve answers and what record writes.
func TestSchema_RefusesMutantsOfTheRest(t *testing.T) {
	schemas, err := strictSchemas()
	require.NoError(t, err)
	tried := map[string]bool{}
	recorded, err := os.ReadFile("../../testdata/traces/loopback.ndjson")
	require.NoError(t, err)
	for line := range strings.Lines(string(recorded)) {
		refuseMutants(t, tried, "record", line, schemas["record-line.json"].Validate)
	}
	url, _ := serveOn(t, append(onFreePort, servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})...)...)
	untilReady(t, url)
	body, err := get(t.Context(), url+"/api/v1/interval")
	require.NoError(t, err)
	refuseMutants(t, tried, "serve", string(body), schemas["serve-interval.json"].Validate)
	require.Greater(t, len(tried), 200)
}

// refuseMutants makes each mutant of an object that was not tried, and wants it refused.
func refuseMutants(t *testing.T, tried map[string]bool, name, line string, check func(object any) error) {
	t.Helper()
	object, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
	require.NoError(t, err, line)
	require.NoError(t, check(object), line)
	mutants(object, name, func(what string) {
		if !tried[what] {
			tried[what] = true
			assert.Error(t, check(object), what)
		}
	})
}

// mutants calls try with each change of an object made, and undoes it.
func mutants(value any, where string, try func(what string)) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			mutants(one, where+"[]", try)
		}
	case map[string]any:
		for key, was := range v {
			what := where + "." + key
			mutants(was, what, try)
			if !slices.Contains(optional, key) {
				delete(v, key)
				try(what + " is missing")
			}
			for _, other := range others(what, was) {
				v[key] = other
				text, _ := json.Marshal(other)
				try(what + " is " + string(text))
			}
			v[key] = was
		}
		v["another"] = true
		try(where + " has a key more")
		delete(v, "another")
	}
}

// others are values that a key cannot have, if it has this one.
func others(where string, value any) []any {
	switch value.(type) {
	case string:
		return []any{json.Number("1"), []any{}}
	case json.Number:
		list := []any{"1", true}
		if strings.HasSuffix(where, "_ns") {
			list = append(list, json.Number("0.5"))
			key := where[strings.LastIndexByte(where, '.')+1:]
			if !slices.Contains(signed, key) && !slices.Contains(signed, where) {
				list = append(list, json.Number("-1"))
			}
		}
		return list
	case nil:
		return []any{[]any{"x"}}
	}
	return []any{"x", json.Number("1")}
}
