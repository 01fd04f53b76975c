package arch

import (
	"go/ast"
	"go/printer"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// timexFile is the one file that may ask the kernel how its clock is kept.
const timexFile = "internal/timex/read_linux.go"

// timexShape are the first statements of the one function that does. The call changes what the
// first field of its argument says; here that is 0, since nothing was written into the
// variable between its declaration and the call.
const timexShape = "var reading unix.Timex\nstate, err := unix.Adjtimex(&reading)"

// onlyReads returns the name that the file may have although it is one of the setters, or nil:
// the first of the function ask, if the function begins with timexShape.
func onlyReads(s source) *ast.Ident {
	if s.path != timexFile {
		return nil
	}
	for _, declaration := range s.file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv != nil || f.Name.Name != "ask" || len(f.Body.List) < 2 {
			continue
		}
		var text strings.Builder
		if err := printer.Fprint(&text, s.set, f.Body.List[:2]); err != nil || text.String() != timexShape {
			return nil
		}
		return f.Body.List[1].(*ast.AssignStmt).Rhs[0].(*ast.CallExpr).Fun.(*ast.SelectorExpr).Sel
	}
	return nil
}

// TestTimex_TheExceptionIsNarrow: another file, another call, another argument, a second
// call, or anything before it is refused.
func TestTimex_TheExceptionIsNarrow(t *testing.T) {
	good := "package timex\nfunc ask() {\n\tvar reading unix.Timex\n\tstate, err := unix.Adjtimex(&reading)\n}"
	require.Empty(t, violations(parse(t, timexFile, good)))
	for name, s := range map[string]source{
		"another file":              parse(t, "internal/timex/other_linux.go", good),
		"another package":           parse(t, "truetime/read_linux.go", good),
		"another function":          parse(t, timexFile, strings.Replace(good, "ask", "set", 1)),
		"a method":                  parse(t, timexFile, strings.Replace(good, "ask", "(k Kernel) ask", 1)),
		"a variable with a value":   parse(t, timexFile, strings.Replace(good, "unix.Timex", "= unix.Timex{Modes: 1}", 1)),
		"a statement in between":    parse(t, timexFile, strings.Replace(good, "\tstate", "\treading.Modes = 1\n\tstate", 1)),
		"another variable":          parse(t, timexFile, strings.Replace(good, "&reading", "&change", 1)),
		"another package's Timex":   parse(t, timexFile, strings.Replace(good, "unix.Timex", "mine.Timex", 1)),
		"another call":              parse(t, timexFile, strings.Replace(good, "Adjtimex(", "ClockAdjtime(0, ", 1)),
		"a second call":             parse(t, timexFile, strings.Replace(good, "\n}", "\n\tunix.Adjtimex(&reading)\n}", 1)),
		"a second function":         parse(t, timexFile, good+"\nfunc set() { unix.Adjtimex(nil) }"),
		"the function itself taken": parse(t, timexFile, good+"\nvar set = unix.Adjtimex"),
	} {
		require.NotEmpty(t, violations(s), name)
	}
}
