package chronyd

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Require returns the path of chronyd. Without it the test is skipped, or fails
// if the environment variable TRUECLOCK_REQUIRE names chronyd or is "all".
func Require(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chronyd", "/usr/sbin/chronyd", "/usr/local/sbin/chronyd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	absent(t, "chronyd", "chronyd is not installed (Debian: apt-get install chrony)")
	return ""
}

// Version returns the version of chronyd, such as "4.3".
func Version(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(Require(t), "-v").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), "version ") // chronyd (chrony) version 4.3 (+CMDMON …)
	version, _, _ := strings.Cut(rest, " ")
	return version
}

// requireChronyc returns the path of chronyc, which comes with chronyd.
func requireChronyc(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chronyc", "/usr/bin/chronyc", "/usr/local/bin/chronyc"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	absent(t, "chronyd", "chronyc is not installed (Debian: apt-get install chrony)")
	return ""
}

// RequireFaketime returns the path of the libfaketime library, on the same terms.
func RequireFaketime(t testing.TB) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	absent(t, "faketime", "libfaketime is not installed (Debian: apt-get install faketime)")
	return ""
}

// RequireProgram returns the path of another program that a test needs, on the same terms;
// debian is the package that has it.
func RequireProgram(t testing.TB, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		absent(t, name, name+" is not installed (Debian: apt-get install "+debian+")")
	}
	return path
}

func absent(t testing.TB, what, reason string) {
	t.Helper()
	if required(os.Getenv("TRUECLOCK_REQUIRE"), what) {
		t.Fatal(reason + ", and TRUECLOCK_REQUIRE asks for it")
	}
	t.Skip(reason)
}

// required reports whether a list such as "chronyd,faketime" or "all" names what.
func required(list, what string) bool {
	names := strings.Split(list, ",")
	return slices.Contains(names, "all") || slices.Contains(names, what)
}
