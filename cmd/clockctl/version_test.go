package main

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersion_OfWhatWasBuilt(t *testing.T) {
	system := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	b := versionOf(&debug.BuildInfo{Main: debug.Module{Version: "v0.2.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-11-23T07:36:45Z"}, {Key: "vcs.modified", Value: "true"},
	}})
	require.Equal(t, "clockctl v0.2.0, commit 0123abcd with changes, "+system, b.String())
	require.Equal(t, "2026-11-23T07:36:45Z", *b.At)
	b = versionOf(&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}})
	require.Equal(t, "clockctl of unknown version, commit unknown, "+system, b.String())
	require.Nil(t, b.Version)
	require.Nil(t, b.Modified)
}
