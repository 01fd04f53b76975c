package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// misused is the error of a command whose flags or configuration are wrong.
func misused(cmd *cobra.Command, s streams, args []string, err error) error {
	format, typed := typedOutput(cmd, args)
	if !errors.As(err, new(*usageError)) { // it is of a flag
		err = misuse(cmd, err)
		if !typed {
			_ = configure(cmd, s) // for the output; the first mistake is the one that is told
		}
	}
	if !typed {
		format = configuredJSON(cmd)
	}
	return refused(cmd, s, format, err)
}

// refused is the error of a command that did not begin. It prints the object of -o json
// and -o ndjson; format is which of the two is wanted, or "".
func refused(cmd *cobra.Command, s streams, format string, err error) error {
	if format == "" || !slices.Contains(outputsOf(cmd), format) {
		return err
	}
	return errors.Join(err, writeJSON(s.out, refusedJSON(cmd, format, err)))
}

// refusedJSON is the command's own object with nothing but the error in it. Where that has no
// key that must be there, it is failureJSON.
func refusedJSON(cmd *cobra.Command, format string, err error) any {
	switch path := cmd.CommandPath(); {
	case path == "clockctl probe" || path == "clockctl now" || path == "clockctl watch":
		return failedJSON(cmd.Name(), format, "usage", err)
	case path == "clockctl matrix":
		return failedMatrixJSON(err)
	case path == "clockctl record":
		return recordedJSON{Schema: schema, Error: failure(err)}
	case path == "clockctl analyze":
		return newAnalysisJSON(nil, "wall", nil, err)
	case strings.HasPrefix(path, "clockctl hlc state "):
		return stateJSON{Schema: schema, Slots: []slotJSON{}, Error: &errorJSON{Code: "usage", Message: firstLine(err)}}
	case strings.HasPrefix(path, "clockctl hlc "):
		return failedHLCJSON(cmd, err)
	}
	return failureJSON{Schema: schema, Error: &errorJSON{Code: "usage", Message: firstLine(err)}}
}

// failureJSON is an error and nothing else.
type failureJSON struct {
	Schema string     `json:"schema"`
	Error  *errorJSON `json:"error"`
}

// typedOutput finds the output in a command line that could not be parsed, and returns it if
// it is json or ndjson; typed says whether it names an output at all.
func typedOutput(cmd *cobra.Command, args []string) (format string, typed bool) {
	for i, arg := range args {
		value := ""
		switch {
		case arg == "--json":
			return shortJSON(cmd), true
		case (arg == "-o" || arg == "--output") && i+1 < len(args):
			value = args[i+1]
		case strings.HasPrefix(arg, "--output="):
			value = strings.TrimPrefix(arg, "--output=")
		case strings.HasPrefix(arg, "-o"):
			value = strings.TrimPrefix(strings.TrimPrefix(arg, "-o"), "=")
		default:
			continue
		}
		typed = true
		if value == "json" || value == "ndjson" {
			return value, true
		}
	}
	return "", typed
}

// wantsJSON says whether a command whose flags or configuration are wrong should print its object.
func wantsJSON(cmd *cobra.Command, args []string) bool {
	format, typed := typedOutput(cmd, args)
	if !typed {
		format = configuredJSON(cmd)
	}
	return format == "json"
}

// configuredJSON is the same of a command whose flags have their values.
func configuredJSON(cmd *cobra.Command) string {
	if short := cmd.Flags().Lookup("json"); short != nil && short.Value.String() == "true" {
		return shortJSON(cmd)
	}
	long := cmd.Flags().Lookup("output")
	if long != nil && (long.Value.String() == "json" || long.Value.String() == "ndjson") {
		return long.Value.String()
	}
	return ""
}

// shortJSON is what --json is short for.
func shortJSON(cmd *cobra.Command) string {
	if outputs := outputsOf(cmd); !slices.Contains(outputs, "json") && slices.Contains(outputs, "ndjson") {
		return "ndjson"
	}
	return "json"
}
