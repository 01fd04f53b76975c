//go:build !race

package ntpprobe

const raceEnabled = false
