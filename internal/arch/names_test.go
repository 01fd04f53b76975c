package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testName is a test as the documents name it; one that ends with … stands for all that begin so.
var testName = regexp.MustCompile("`((?:Test|Fuzz|Benchmark|Example)[A-Z]\\w*)(…?)[^`]*`")

// namedTests returns the tests that a document names and that are not among those there are.
func namedTests(document string, all []string) (missing []string, named int) {
	for _, found := range testName.FindAllStringSubmatch(document, -1) {
		named++
		exists := false
		for _, name := range all {
			exists = exists || name == found[1] || found[2] != "" && strings.HasPrefix(name, found[1])
		}
		if !exists {
			missing = append(missing, found[1]+found[2])
		}
	}
	return missing, named
}

// TestDocuments_NameTestsThatExist: a claim of a document whose test has another name by now, or is gone, has no proof.
func TestDocuments_NameTestsThatExist(t *testing.T) {
	var all []string
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
				all = append(all, f.Name.Name)
			}
		}
		return nil
	}))
	documents, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	inner, err := filepath.Glob("../../docs/*/*.md")
	require.NoError(t, err)
	total := 0
	for _, path := range append(documents, inner...) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		missing, named := namedTests(string(text), all)
		assert.Empty(t, missing, "%s names tests that there are not", path)
		total += named
	}
	require.Greater(t, total, 100)
}

func TestDocuments_TheRuleCanFail(t *testing.T) {
	missing, named := namedTests("`TestA_Story`, `TestB_…`, `FuzzC`, `TestGone`, `TestGone_…`, Test", []string{"TestA_Story", "TestB_One", "FuzzC"})
	require.Equal(t, []string{"TestGone", "TestGone_…"}, missing)
	require.Equal(t, 5, named)
}
