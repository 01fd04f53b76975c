package doctor

import (
	"errors"
	"io/fs"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/clocks"
	"github.com/trueclock/trueclock/internal/timex"
)

var testLimits = Limits{DriftPPB: 200_000, WanderPPB: 15_000, Warning: 50 * time.Millisecond, Danger: 500 * time.Millisecond}

func ptr[T any](v T) *T { return &v }

// finding is what a story expects of one check.
type finding struct {
	status Status
	value  string
}

func (f finding) of(t *testing.T, c Check, story string) {
	t.Helper()
	require.Equal(t, f.value, c.Value, story)
	require.Equal(t, f.status, c.Status, story)
}

func TestKernel_Stories(t *testing.T) {
	kept := timex.Kernel{MaxError: 1234567 * time.Nanosecond}
	late := timex.Kernel{MaxError: 1500 * time.Millisecond}
	for name, story := range map[string]struct {
		m    Machine
		want finding
	}{
		"kept":                      {Machine{Kernel: kept}, finding{OK, "synchronized, maximum error 1.235ms"}},
		"kept from far away":        {Machine{Kernel: late}, finding{Warn, "synchronized, maximum error 1.5s"}},
		"a container's":             {Machine{Kernel: timex.Kernel{State: timex.Error, Status: timex.Unsynchronized, MaxError: timex.MaxError}}, finding{Warn, "unsynchronized, maximum error 16s"}},
		"broken hardware":           {Machine{Kernel: timex.Kernel{State: timex.Error, Status: timex.ClockError}}, finding{Fail, "the kernel reports a fault of the clock's hardware"}},
		"a sandbox that hides it":   {Machine{KernelErr: errors.New("timex: refused")}, finding{Skip, "timex: refused"}},
		"a system that has no such": {Machine{KernelErr: timex.ErrUnsupported}, finding{Skip, timex.ErrUnsupported.Error()}},
	} {
		story.want.of(t, story.m.kernel(), name)
	}
}

func TestSlew_Stories(t *testing.T) {
	none := errors.New("none")
	for name, story := range map[string]struct {
		m    Machine
		want finding
	}{
		"steady":                        {Machine{}, finding{OK, "the kernel makes the clock run 0 ppm"}},
		"an ordinary correction":        {Machine{Kernel: timex.Kernel{Frequency: -12.5e-6}, Rate: &clocks.Rate{Ratio: -12e-6, Error: 2e-6}}, finding{OK, "the kernel makes the clock run 12.500 ppm slower; measured 12.000 ppm slower ± 2.000 ppm"}},
		"chronyd slews":                 {Machine{Kernel: timex.Kernel{TickRatio: 0.0833}}, finding{Warn, "the kernel makes the clock run 83300.000 ppm faster"}},
		"the loop is at it":             {Machine{Kernel: timex.Kernel{Offset: -3 * time.Millisecond}}, finding{OK, "the kernel makes the clock run 0 ppm; its loop has -3ms to go"}},
		"an old-fashioned slew":         {Machine{Rate: &clocks.Rate{Ratio: 500e-6, Error: 5e-6}}, finding{Warn, "the kernel makes the clock run 0 ppm; measured 500.000 ppm faster ± 5.000 ppm"}},
		"too short a look":              {Machine{Rate: &clocks.Rate{Ratio: 500e-6, Error: 400e-6}}, finding{OK, "the kernel makes the clock run 0 ppm; measured 500.000 ppm faster ± 400.000 ppm"}},
		"a sandbox hides the kernel's":  {Machine{KernelErr: none, Rate: &clocks.Rate{Ratio: -300e-6, Error: 1e-6}}, finding{Warn, "measured 300.000 ppm slower ± 1.000 ppm"}},
		"a hidden kernel, a short look": {Machine{KernelErr: none, Rate: &clocks.Rate{Ratio: 1e-6, Error: 400e-6}}, finding{Skip, "measured 1.000 ppm faster ± 400.000 ppm: too short a look to tell"}},
		"a hidden kernel, steady":       {Machine{KernelErr: none, Rate: &clocks.Rate{Ratio: 1e-6, Error: 2e-6}}, finding{OK, "measured 1.000 ppm faster ± 2.000 ppm"}},
		"nothing is known":              {Machine{KernelErr: none}, finding{Skip, "this system does not tell"}},
	} {
		story.want.of(t, story.m.slew(testLimits), name)
	}
}

func chronyds(configs ...ChronyConfig) Check { return Machine{Chrony: configs}.chrony(testLimits) }

func TestMachine_Stories(t *testing.T) {
	for name, story := range map[string]struct {
		check Check
		want  finding
	}{
		"a good counter":             {Machine{Clocksource: "tsc"}.clocksource(), finding{OK, "tsc"}},
		"one that nobody knows":      {Machine{Clocksource: "riscv_clocksource"}.clocksource(), finding{OK, "riscv_clocksource"}},
		"the kernel mistrusts it":    {Machine{Clocksource: "hpet"}.clocksource(), finding{Warn, "hpet, which is slow to read"}},
		"no counter at all":          {Machine{Clocksource: "jiffies"}.clocksource(), finding{Fail, "jiffies, which stands still for milliseconds"}},
		"no such file":               {Machine{}.clocksource(), finding{Skip, "this system does not tell"}},
		"never slept":                {Machine{Asleep: ptr(300 * time.Nanosecond)}.suspend(), finding{OK, "not since boot"}},
		"slept":                      {Machine{Asleep: ptr(90*time.Minute + time.Nanosecond)}.suspend(), finding{Warn, "asleep for 1h30m0s since boot"}},
		"no such clock":              {Machine{}.suspend(), finding{Skip, "this system does not tell"}},
		"metal":                      {Machine{Hypervisor: ptr("")}.virtual(), finding{OK, "no hypervisor seen"}},
		"metal or not":               {Machine{}.virtual(), finding{Skip, "nothing here tells whether there is a hypervisor"}},
		"a guest":                    {Machine{Hypervisor: ptr("QEMU")}.virtual(), finding{Warn, "a virtual machine (QEMU) without /dev/vmclock0"}},
		"a guest that is told":       {Machine{Hypervisor: ptr("QEMU"), VMClock: true}.virtual(), finding{OK, "a virtual machine with /dev/vmclock0"}},
		"a guest that may not look":  {Machine{Hypervisor: ptr("QEMU"), VMClockErr: &fs.PathError{Op: "open", Path: "dev/vmclock0", Err: fs.ErrPermission}}.virtual(), finding{Warn, "a virtual machine whose /dev/vmclock0 cannot be opened: permission denied"}},
		"a time namespace":           {Machine{Asleep: ptr(-time.Hour)}.suspend(), finding{Skip, "the clocks are those of a time namespace, which hides it"}},
		"time of its own":            {Machine{StealBoot: ptr(0.0013), StealNow: ptr(0.0)}.steal(), finding{OK, "0.13 % since boot, 0.00 % now"}},
		"robbed now":                 {Machine{StealBoot: ptr(0.0013), StealNow: ptr(0.02)}.steal(), finding{Warn, "0.13 % since boot, 2.00 % now"}},
		"robbed before":              {Machine{StealBoot: ptr(0.05)}.steal(), finding{Warn, "5.00 % since boot"}},
		"no /proc/stat":              {Machine{}.steal(), finding{Skip, "this system does not tell"}},
		"no /proc":                   {Machine{}.daemons(), finding{Skip, "the processes cannot be seen"}},
		"nobody":                     {Machine{Daemons: []Daemon{}}.daemons(), finding{OK, "none seen; in a container it may run outside"}},
		"nobody, but who can tell":   {Machine{Daemons: []Daemon{}, Hidden: true}.daemons(), finding{Skip, "the processes of others are hidden; seen: none"}},
		"one of ours":                {Machine{Daemons: []Daemon{{"chronyd", 7, true}}, Hidden: true}.daemons(), finding{Skip, "the processes of others are hidden; seen: chronyd (pid 7)"}},
		"two of ours":                {Machine{Daemons: []Daemon{{"chronyd", 7, true}, {"ntpd", 8, true}}, Hidden: true}.daemons(), finding{Warn, "chronyd (pid 7), ntpd (pid 8)"}},
		"one":                        {Machine{Daemons: []Daemon{{"chronyd", 7, true}}}.daemons(), finding{OK, "chronyd (pid 7)"}},
		"two":                        {Machine{Daemons: []Daemon{{"chronyd", 7, true}, {"systemd-timesyncd", 8, true}}}.daemons(), finding{Warn, "chronyd (pid 7), systemd-timesyncd (pid 8)"}},
		"the same twice":             {Machine{Daemons: []Daemon{{"chronyd", 7, true}, {"chronyd", 8, true}}}.daemons(), finding{Warn, "chronyd (pid 7), chronyd (pid 8)"}},
		"one only serves":            {Machine{Daemons: []Daemon{{"chronyd", 7, true}, {"chronyd", 8, false}}}.daemons(), finding{OK, "chronyd (pid 7), chronyd (pid 8), which does not touch the clock"}},
		"linuxptp is two programs":   {Machine{Daemons: []Daemon{{"ptp4l", 7, true}, {"phc2sys", 8, true}}}.daemons(), finding{OK, "ptp4l (pid 7), phc2sys (pid 8)"}},
		"phc2sys beside chronyd":     {Machine{Daemons: []Daemon{{"chronyd", 7, true}, {"phc2sys", 8, true}}}.daemons(), finding{Warn, "chronyd (pid 7), phc2sys (pid 8)"}},
		"timemaster runs others":     {Machine{Daemons: []Daemon{{"timemaster", 6, true}, {"chronyd", 7, true}, {"ptp4l", 8, true}}}.daemons(), finding{OK, "timemaster (pid 6), chronyd (pid 7), ptp4l (pid 8)"}},
		"chronyd as it comes":        {chronyds(ChronyConfig{"/etc/chrony.conf", 1, false, ""}), finding{Warn, "1 ppm (the default, in /etc/chrony.conf)"}},
		"chronyd told better":        {chronyds(ChronyConfig{"/etc/chrony.conf", 15, true, ""}), finding{OK, "15 ppm (/etc/chrony.conf)"}},
		"chronyd told worse":         {chronyds(ChronyConfig{"/etc/chrony.conf", 14.999, true, ""}), finding{Warn, "14.999 ppm (/etc/chrony.conf)"}},
		"chronyd told no number":     {chronyds(ChronyConfig{"/etc/chrony.conf", math.NaN(), true, ""}), finding{Warn, "NaN ppm (/etc/chrony.conf)"}},
		"chronyd's secret":           {chronyds(ChronyConfig{"/etc/chrony.conf", 1, false, "/etc/chrony.conf"}), finding{Skip, "/etc/chrony.conf cannot be read"}},
		"half a secret":              {chronyds(ChronyConfig{"/etc/chrony.conf", 15, true, "/etc/chrony/conf.d"}), finding{Skip, "/etc/chrony/conf.d cannot be read"}},
		"one of two is as it comes":  {chronyds(ChronyConfig{"/a", 15, true, ""}, ChronyConfig{"/b", 1, false, ""}, ChronyConfig{"/c", 1, false, "/c"}), finding{Warn, "15 ppm (/a), 1 ppm (the default, in /b), /c cannot be read"}},
		"a file with a strange name": {chronyds(ChronyConfig{"/a\x1b[31m", 15, true, ""}), finding{OK, "15 ppm (/a[31m)"}},
		"no chronyd":                 {chronyds(), finding{Skip, "no chronyd seen"}},
	} {
		story.want.of(t, story.check, name)
	}
}

// TestRounding_IsOutward: what is said to be the most or the least is.
func TestRounding_IsOutward(t *testing.T) {
	for d, want := range map[time.Duration][2]time.Duration{ // the least, the most
		0: {0, 0}, 9999: {9999, 9999}, 10_000: {10_000, 10_000}, 10_001: {10_000, 10_010}, 61_595: {61_590, 61_600}, 99_999: {99_990, 100_000},
		time.Second + 1: {time.Second, time.Second + time.Millisecond}, math.MaxInt64: {9_223_000_000_000_000_000, math.MaxInt64},
	} {
		require.Equal(t, want, [2]time.Duration{atLeast(d), atMost(d)}, d)
	}
}
