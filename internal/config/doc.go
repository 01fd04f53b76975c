// Package config reads the configuration file of clockctl: settings by name and
// [[server]] tables, each with the line on which it stands. It is strict: a key that
// nobody knows is an error, not a setting that silently does nothing.
//
// It knows no flag. Which keys exist is an argument (Keys), and a setting is text, as
// it would be typed; whoever owns the flag judges it.
package config
