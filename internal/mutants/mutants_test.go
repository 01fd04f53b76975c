package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMutants_EachIsKilled runs the named test on each mutant by an overlay; the
// tree stays as it is. It takes some minutes, so it runs when asked to.
func TestMutants_EachIsKilled(t *testing.T) {
	if os.Getenv("TRUECLOCK_MUTANTS") == "" {
		t.Skip("TRUECLOCK_MUTANTS is not set (.ci/run mutants sets it)")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel() // as many as there are processors
			if strings.HasSuffix(m.file, "_linux.go") && runtime.GOOS != "linux" {
				t.Skip("the file is not for this system")
			}
			output, err := m.run(t, root)
			require.Error(t, err, "%s survived %s", m.name, m.test)
			require.Contains(t, output, "--- FAIL: "+m.test, "it did not even compile, or another test failed")
		})
	}
}

// run executes the mutant's test with the mutated file in place of the real one.
func (m mutant) run(t *testing.T, root string) (output string, err error) {
	t.Helper()
	dir := t.TempDir()
	mutated, overlay := filepath.Join(dir, path.Base(m.file)), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(mutated, []byte(m.mutate(t, root)), 0o600))
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, filepath.FromSlash(m.file)): mutated}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	args := []string{"test", "-count=1", "-vet=off", "-overlay", overlay, "-run", "^" + m.test + "$", "./" + m.testedPackage()}
	if usesRapid(t, filepath.Join(root, filepath.FromSlash(m.testedPackage()))) {
		args = append(args, "-args", "-rapid.nofailfile") // it would keep the mutant's counterexample in the tree
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay) // for tests that build the program
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// usesRapid reports whether the tests in a folder know rapid's flags.
func usesRapid(t *testing.T, dir string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(text), `"pgregory.net/rapid"`) {
			return true
		}
	}
	return false
}

func (m mutant) testedPackage() string {
	if m.in != "" {
		return m.in
	}
	return path.Dir(m.file)
}

// mutate applies the edits. An old text that is missing, or there twice, means that the code has moved on
// and the mutant must follow.
func (m mutant) mutate(t *testing.T, root string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	require.NoError(t, err)
	text := string(b)
	for i := 0; i < len(m.edit); i += 2 {
		require.Equal(t, 1, strings.Count(text, m.edit[i]), "%q in %s", m.edit[i], m.file)
		text = strings.Replace(text, m.edit[i], m.edit[i+1], 1)
	}
	return text
}

// TestMutants_FitTheCode and the documentation: cheap, so it runs always.
func TestMutants_FitTheCode(t *testing.T) {
	documentation, err := os.ReadFile("../../docs/testing.md")
	require.NoError(t, err)
	for _, m := range mutants {
		require.NotEqual(t, "", m.mutate(t, "../.."))
		row := fmt.Sprintf("| %s | `%s` |", m.name, m.test)
		require.Contains(t, string(documentation), row)
	}
}
