package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// printed are command lines whose output is checked against docs/schema, beside those of
// all scripts. A command that can print JSON needs a row that ends with 0 and one that
// does not; $H1 and the like are the servers of TestScripts, state is a directory of hlc.Durable.
var printed = []struct {
	exit int
	line string
}{
	{0, "probe -o json -n 1 --max-faulty 1 --timeout 200ms $H1 $H2 $H3 $LIAR $CLOSED $KISS $MUTE"},
	{0, "probe -o ndjson -n 1 -f fleet $H1 $H2 $H3"},
	{0, "probe -o json -n 1 -f fleet $H1 $H2 $H3"},
	{0, "probe -o json -n 1 $LEAP1 $LEAP2 $LEAP3 $QUIET"},
	{1, "probe -o json -n 1 $H1 $LIAR $BEHIND"},
	{64, "probe -o ndjson --nonsense"},
	{0, "now -o json -n 1 $H1 $H2 $H3"},
	{1, "now -o json -n 1 $H1 $LIAR $BEHIND"},
	{0, "hlc now -o json"},
	{64, "hlc now -o json x"},
	{0, "hlc parse -o json 1790000000.123456789,7 -- -1.500000000,2"},
	{1, "hlc parse -o json x 1790000000.123456789,7"},
	{0, "hlc compare -o json 1790000000.123456789,7 1790000000.123456789"},
	{1, "hlc compare -o json x y"},
	{0, "hlc state inspect -o json state"},
	{1, "hlc state inspect -o json absent"},
	{0, "hlc state repair -o json --bound 2100-01-01T00:00:00Z state"},
	{64, "hlc state repair -o json --nonsense"},
	{0, "config show -o json --config awkward.toml"},
	{64, "config show -o json x"},
	{0, "sources -o json --address $CHRONYD"}, {0, "sources -o json --address $CHRONYD -n 1 $H1 $H2 $H3"}, {1, "sources -o json --address $LOSTD"},
	{1, "sources -o json --address $WRONGD -n 1 $H1 $H2 $H3"}, {1, "sources -o json --address $CLOSED"}, {64, "sources --nonsense -o json"},
	{0, "clocks -o json --window 20ms"}, {0, "clocks -o ndjson --window 20ms --for 20ms"}, {64, "clocks -o json x"}, {64, "clocks -o ndjson x"}, {64, "clocks --nonsense -o json"},
	{0, "record -o json --count 4 -i 10ms r.ndjson $H1 $H2 $H3"}, {64, "record -o json r.ndjson"}, {64, "record -o json --nonsense"}, {1, "record -o json . $H1"},
	{0, "analyze -o json $TRACES/loopback.ndjson $TRACES/chrony-tracking.log"}, {1, "analyze -o json awkward.toml"}, {64, "analyze -o json absent"}, {64, "analyze -o json --nonsense"},
	{0, "version -o json"},
	{64, "version --nonsense -o json"},
	{0, "wait -o json --max-uncertainty 1s $H1 $H2 $H3"}, {1, "wait -o json --timeout 0s -n 1 $CLOSED"}, {2, "wait -o json --timeout 1h $DENY"}, {2, "wait --nonsense -o json"},
	{0, "check -o json -w 1m -c 1h -n 1 $H1"}, {1, "check -o json -n 1 $LIAR"}, {2, "check -o json -n 1 $CLOSED"}, {3, "check -o json --nonsense"}, {3, "check -o json --from $CLOSED"},
	{0, "serve -o json --listen 127.0.0.1:0 $H1 $H2 $H3"}, {1, "serve -o json --listen 192.0.2.1:0 $H1"}, {64, "serve -o json --listen x $H1"}, {64, "serve -o json --nonsense"},
	{0, "matrix -o json --limit 1h $PEER1 $PEER2 $CLOSED"}, {1, "matrix -o json $PEER1 $CLOSED"}, {64, "matrix -o json"}, {64, "matrix -o json --nonsense"},
	{0, "watch -o ndjson --count 2 -i 20ms $H1 $H2 $H3"}, {1, "watch -o ndjson --count 1 -i 20ms --timeout 100ms $H1 $LIAR $BEHIND"}, {64, "watch -o ndjson --nonsense"},
	{0, "doctor -o json"}, {1, "doctor -o json -n 1 $CLOSED"}, {64, "doctor -o json --nonsense"},
}

// printedEnvironment starts what the rows of printed name, and goes to a folder with their files.
func printedEnvironment(t *testing.T) map[string]string {
	env := scriptFleet(t)
	m := awkward(t)
	text, err := os.ReadFile(m.userPath())
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("awkward.toml", text, 0o600))
	require.NoError(t, os.WriteFile("fleet", []byte(env["H4"]+"\n"+env["LIAR"]+"\n"+env["CLOSED"]+"\n"), 0o600))
	savedState(t, "state")
	env["PEER1"], env["PEER2"] = peer(t, 0, 0), peer(t, 0, 0)
	return env
}

func TestSchema_OfWhatIsPrinted(t *testing.T) {
	env := printedEnvironment(t)
	good, bad := map[string]bool{}, map[string]bool{}
	for _, row := range printed {
		args := strings.Fields(os.Expand(row.line, func(name string) string { return env[name] }))
		code, stdout, stderr := invokeOnce(t.Context(), args...)
		require.Equal(t, row.exit, code, "%s\n%s%s", row.line, stdout, stderr)
		require.True(t, strings.HasPrefix(stdout, "{"), "%s printed no JSON", row.line)
		require.NoError(t, checkPrinted(args, stdout), row.line)
		name, err := schemaName(args)
		require.NoError(t, err)
		good[name], bad[name] = good[name] || code == 0, bad[name] || code != 0
	}
	for _, cmd := range everyCommand(newRoot(streams{}, nil)) {
		if f := cmd.Flags().Lookup("output"); f != nil && strings.Contains(f.Usage, "json") {
			name := strings.Join(strings.Fields(cmd.CommandPath())[1:], "-")
			require.True(t, good[name] && bad[name], "%s needs a row that ends with 0 and one that does not", name)
		}
	}
}

// TestSchema_CanFail: what is not in the schema, and what is missing.
func TestSchema_CanFail(t *testing.T) {
	fine := `{"schema":"clockctl/v1","version":null,"commit":null,"commit_time":null,"modified":null,"go":"go1.26","os":"linux","arch":"amd64"}`
	line := []string{"version", "-o", "json"}
	require.NoError(t, checkPrinted(line, fine+"\n"))
	require.NoError(t, checkPrinted(line, "clockctl v1\n"), "words are not checked")
	for name, wrong := range map[string]string{
		"a key that the schema does not know": strings.Replace(fine, `"os"`, `"new":1,"os"`, 1),
		"a key that is missing":               strings.Replace(fine, `"commit":null,`, "", 1),
		"another type":                        strings.Replace(fine, `"linux"`, `1`, 1),
		"another tag":                         strings.Replace(fine, "v1", "v2", 1),
		"two objects on a line":               fine + fine,
	} {
		require.Error(t, checkPrinted(line, wrong), name)
	}
	require.ErrorContains(t, checkPrinted([]string{"demo"}, fine), "docs/schema/demo.json")
}

// TestSchema_LetsKeysBeAdded: those who check with the files as they are must not refuse the
// output of a later version.
func TestSchema_LetsKeysBeAdded(t *testing.T) {
	files, err := filepath.Glob("../../docs/schema/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(text), "unevaluatedProperties")
		require.NotContains(t, string(text), `"additionalProperties": false`)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		require.NoError(t, err)
		require.Equal(t, schemaBase+filepath.Base(file), value.(map[string]any)["$id"])
	}
}

// checkPrinted checks each line of stdout that is an object of ours against the schema of
// the command line.
func checkPrinted(args []string, stdout string) error {
	for line := range strings.Lines(stdout) {
		if !strings.HasPrefix(line, `{"schema":`) {
			continue
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			err = checkObject(args, value)
		}
		if err != nil {
			return fmt.Errorf("%w\n%s", err, line)
		}
	}
	return nil
}

// checkObject checks one object of the command line.
func checkObject(args []string, value any) error {
	name, err := schemaName(args)
	if err != nil {
		return err
	}
	if _, typed := value.(map[string]any)["type"]; typed {
		name += "-ndjson"
	}
	schemas, err := strictSchemas()
	if err != nil {
		return err
	}
	schema, known := schemas[name+".json"]
	if !known {
		return fmt.Errorf("docs/schema/%s.json does not exist, and should say what this is", name)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("docs/schema/%s.json: %w", name, err)
	}
	return nil
}

// schemaName is the path of the command with dashes.
func schemaName(args []string) (string, error) {
	cmd, _, err := newRoot(streams{}, nil).Find(args)
	if err != nil {
		return "", err
	}
	return strings.Join(strings.Fields(cmd.CommandPath())[1:], "-"), nil
}

const schemaBase = "https://github.com/trueclock/trueclock/docs/schema/"

// strictSchemas are those of docs/schema, by file, with every key refused that they do not
// name: to readers a new key is no mistake, here it is one.
var strictSchemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	files, err := filepath.Glob(filepath.Join(sourceDir, "../../docs/schema/*.json"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, errors.New("no schema found"))
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		strict(value)
		if err := compiler.AddResource(schemaBase+filepath.Base(file), value); err != nil {
			return nil, err
		}
	}
	schemas := map[string]*jsonschema.Schema{}
	for _, file := range files {
		name := filepath.Base(file)
		if schemas[name], err = compiler.Compile(schemaBase + name); err != nil {
			return nil, err
		}
	}
	return schemas, nil
})

// strict refuses unnamed keys in every schema that names some, except in those whose name
// ends in Keys: they are parts of others.
func strict(value any) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			strict(one)
		}
	case map[string]any:
		for key, below := range v {
			strict(below)
			if strings.HasSuffix(key, "Keys") {
				delete(below.(map[string]any), "unevaluatedProperties")
			}
		}
		_, all := v["allOf"].([]any)
		if _, names := v["properties"].(map[string]any); names || all {
			v["unevaluatedProperties"] = false
		}
	}
}
