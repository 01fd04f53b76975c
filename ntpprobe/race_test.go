//go:build race

package ntpprobe

// raceEnabled: the race detector multiplies memory.
const raceEnabled = true
