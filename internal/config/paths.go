package config

import (
	"cmp"
	"path/filepath"
)

// UserPath is where the user's own file is: $XDG_CONFIG_HOME/clockctl/config.toml, or
// .config instead of that in the home directory. It is "" if neither variable is an
// absolute path (the XDG specification has relative ones ignored).
func UserPath(getenv func(string) string) string {
	base := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		home := cmp.Or(getenv("HOME"), getenv("USERPROFILE")) // the latter on Windows
		if !filepath.IsAbs(home) {
			return ""
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "clockctl", "config.toml")
}
