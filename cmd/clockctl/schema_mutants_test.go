package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// optional are the keys that may be missing: an object without the last three is one of another schema.
var optional = []string{"error", "best", "needed", "offset", "basis", "targets", "repair", "type", "events", "watched_ns"}

// signed are the differences and moments that may be negative, and what was typed.
var signed = []string{
	"offset_ns", "last_offset_ns", "tai_offset_ns", "difference_ns", "skew_min_ns", "skew_max_ns", "lead_ns", "disagreement_ns", "size_ns", "reading_ns",
	"warning_ns", "critical_ns", "probe.delay_ns", // of one exchange with a server that lies about itself
}

// TestSchema_RefusesMutants of all that is printed: an object with a key less or one more, with a value of another
// type, or with a negative duration where none can be, is none of its schema.
func TestSchema_RefusesMutants(t *testing.T) {
	env := printedEnvironment(t)
	var survived []string
	tried := map[string]bool{}
	for _, row := range printed {
		args := strings.Fields(os.Expand(row.line, func(name string) string { return env[name] }))
		_, stdout, _ := invokeOnce(t.Context(), args...)
		name, err := schemaName(args)
		require.NoError(t, err)
		for line := range strings.Lines(stdout) {
			object, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			require.NoError(t, err)
			mutants(object, name, func(what string) {
				if tried[what] {
					return
				}
				tried[what] = true
				if checkObject(args, object) == nil {
					survived = append(survived, what)
				}
			})
		}
	}
	require.Greater(t, len(tried), 1000)
	require.Empty(t, survived, strings.Join(survived, "\n"))
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
