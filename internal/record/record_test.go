package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// moment is an instant some time after a session began.
func moment(after time.Duration) ntpprobe.Instant {
	const booted = 5_000_000_000 // the local clock does not begin at 0
	before := truetime.Reading{Nanos: booted + int64(after), Epoch: 3}
	late := before
	late.Nanos += 700
	return ntpprobe.Instant{Before: before, After: late, Wall: time.Date(2026, 11, 25, 11, 0, 0, 123_456_789, time.UTC).Add(after)}
}

var servers = []ntpprobe.Server{
	{Address: "192.0.2.1", Domain: "there", Margin: time.Millisecond, Scale: 2, MinOneWay: time.Microsecond, RootRoundsUp: true, Private: true},
	{Address: "ntp.example.net:1123"},
}

func newSession() *Session { return NewSession(moment(0), "a test", servers, 0, 200_000, 15_000) }

// sampleAt is an exchange with the first server that ended at a moment.
func sampleAt(after time.Duration) ntpprobe.Sample {
	at := moment(after)
	sent := at.Before
	sent.Nanos -= 2_000_001
	return ntpprobe.Sample{
		Server: servers[0], Remote: netip.MustParseAddrPort("192.0.2.1:123"), T1: sent, T4: at.Before,
		T2: at.Wall.UnixNano() - 1_100_000, T3: at.Wall.UnixNano() - 1_000_003, KernelGain: 43 * time.Microsecond,
		Header: ntpprobe.Header{Version: 4, Stratum: 2, PrecisionExponent: -24, RootDelay: 15_259, RootDispersion: 30_518, ReferenceID: 0xc0000201},
	}
}

// record fills a file with n exchanges and ends the session.
func recordTo(t *testing.T, path string, o Options, n int) {
	t.Helper()
	s := newSession()
	f, err := Open(path, o, s.Start)
	require.NoError(t, err)
	for i := range n {
		at := moment(time.Duration(i+1) * time.Second)
		require.NoError(t, f.Append(s.Sample(at, ntpprobe.Exchange{Server: servers[0], Number: i + 1, Sample: sampleAt(time.Duration(i+1) * time.Second)})))
	}
	require.NoError(t, f.Append(s.Event(moment(time.Duration(n+1)*time.Second), EventStop, "synchronized", nil)))
	require.NoError(t, f.Close())
}

// readFiles reads files, and returns the warnings.
func readFiles(t *testing.T, paths ...string) ([]Recording, []string) {
	t.Helper()
	var warnings []string
	r := Reader{Warn: func(file string, line int, why string) {
		warnings = append(warnings, fmt.Sprintf("%s:%d: %s", filepath.Base(file), line, why))
	}}
	for _, path := range paths {
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		require.NoError(t, r.Read(path, f))
	}
	return r.Recordings(), warnings
}

// TestRecord_WhatComesBackIsWhatWasSeen, but for the origin of the local clock.
func TestRecord_WhatComesBackIsWhatWasSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.ndjson")
	recordTo(t, path, Options{}, 3)
	list, warnings := readFiles(t, path)
	require.Empty(t, warnings)
	require.Len(t, list, 1)
	r := list[0]
	require.Equal(t, servers, r.Servers)
	require.Equal(t, "a test", r.MadeBy)
	require.Equal(t, moment(0).Wall, r.Start)
	require.Equal(t, []int64{0, 200_000, 15_000}, []int64{int64(r.Faulty), r.DriftPPB, r.WanderPPB})
	require.Len(t, r.Exchanges, 3)
	for i, x := range r.Exchanges {
		want, at := sampleAt(time.Duration(i+1)*time.Second), moment(time.Duration(i+1)*time.Second)
		for _, reading := range []*truetime.Reading{&want.T1, &want.T4, &at.Before, &at.After} {
			reading.Nanos -= moment(0).Before.Nanos
		}
		require.Equal(t, want, x.Sample)
		require.Equal(t, at, x.At)
		require.NoError(t, x.Sample.Check(ntpprobe.Limits{}))
	}
	require.Len(t, r.Events, 1)
	require.Equal(t, EventStop, r.Events[0].Event)
}

// TestRecord_ARefusedExchangeKeepsItsReason, and whatever it had of a reply.
func TestRecord_ARefusedExchangeKeepsItsReason(t *testing.T) {
	refused := &ntpprobe.RejectedError{Server: "192.0.2.1", Reason: ntpprobe.ReasonTimeout, Detail: "no reply within 1s"}
	line := newSession().Sample(moment(time.Second), ntpprobe.Exchange{Server: servers[0], Number: 1, Sample: ntpprobe.Sample{Server: servers[0]}, Err: refused})
	require.Equal(t, "timeout", *line.Reason)
	text, err := json.Marshal(line)
	require.NoError(t, err)
	for _, unknown := range []string{"t1_ns", "t2", "t3", "t4_ns", "delay_ns", "stratum", "root_delay_ns", "epoch", "remote", "kernel_gain_ns"} {
		require.Contains(t, string(text), `"`+unknown+`":null`)
	}
	line = newSession().Sample(moment(time.Second), ntpprobe.Exchange{Server: servers[0], Sample: sampleAt(time.Second), Err: refused})
	require.NotNil(t, line.T1, "of an impossible reply the stamps are of interest")
	require.Nil(t, line.Delay)
	line = newSession().Sample(moment(time.Second), ntpprobe.Exchange{Server: servers[0], Err: errors.New("odd")})
	require.Equal(t, "internal", *line.Reason)
}

// TestRecord_TornLines: however a kill cuts the last line, nothing before it is lost,
// and what is appended later is whole.
func TestRecord_TornLines(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	recordTo(t, whole, Options{}, 2)
	text, err := os.ReadFile(whole)
	require.NoError(t, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	last := len(bytes.Join(lines[:2], nil)) // the second sample begins here
	for cut := last; cut < last+len(lines[2]); cut++ {
		path := filepath.Join(dir, fmt.Sprint("torn", cut))
		require.NoError(t, os.WriteFile(path, text[:cut], 0o600))
		list, warnings := readFiles(t, path)
		missing := cut < last+len(lines[2])-1 // the newline alone is not missed
		require.Equal(t, missing && cut > last, len(warnings) == 1, "cut at %d: %v", cut, warnings)
		require.Len(t, list[0].Exchanges, map[bool]int{true: 1, false: 2}[missing])

		recordTo(t, path, Options{}, 1)
		list, _ = readFiles(t, path)
		require.Len(t, list, 2, "the next session is whole")
		require.Len(t, list[0].Exchanges, map[bool]int{true: 1, false: 2}[missing])
		require.Len(t, list[1].Exchanges, 1)
	}
}

// TestRecord_Rotates: no file is too large, all are read together, the oldest go.
func TestRecord_Rotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	const most = 4000
	recordTo(t, path, Options{MaxSize: most, Keep: 3}, 40)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(most), e.Name())
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"r", "r.1", "r.2", "r.3"}, names)
	inOrder, warnings := readFiles(t, path+".3", path+".2", path+".1", path)
	require.Empty(t, warnings)
	require.Len(t, inOrder, 1, "it is one session")
	mixed, _ := readFiles(t, path, path+".2", path+".3", path+".1")
	require.Equal(t, inOrder[0].Exchanges, mixed[0].Exchanges, "in whatever order the files are named")
	last := inOrder[0].Exchanges[len(inOrder[0].Exchanges)-1]
	require.Equal(t, int64(40*time.Second), last.At.Before.Nanos)
	alone, warnings := readFiles(t, path+".2")
	require.Empty(t, warnings)
	require.NotEmpty(t, alone[0].Exchanges, "each file stands alone")
}

// filled makes FILE and FILE.1 to FILE.3, each with a session of its own, FILE the last.
func filled(t *testing.T) (path string, names []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "r")
	names = []string{path + ".3", path + ".2", path + ".1", path}
	for i, name := range names {
		recordTo(t, name, Options{}, i+1)
	}
	return path, names
}

// sessions are how many exchanges each session in the files has.
func sessionsIn(t *testing.T, path string) (counts []int) {
	t.Helper()
	for _, name := range []string{path + ".4", path + ".3", path + ".2", path + ".1", path} {
		if _, err := os.Stat(name); err != nil {
			continue
		}
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			list, _ := readFiles(t, name)
			for _, r := range list {
				counts = append(counts, len(r.Exchanges))
			}
		}
	}
	return counts
}

// TestRecord_AKillWithinARotationCostsNoFile: the steps of a rotation up to a kill, and
// then the next recorder, which rotates too.
func TestRecord_AKillWithinARotationCostsNoFile(t *testing.T) {
	for steps, want := range [][]int{
		{2, 3, 4, 9}, // the oldest goes, as it should
		{2, 3, 4, 9},
		{2, 3, 4, 9},
		{2, 3, 4, 9}, // and from here on the rotation is over
		{2, 3, 4, 9},
	} {
		path, _ := filled(t)
		for i, step := range []func() error{
			func() error { return os.Rename(path+".2", path+".3") },
			func() error { return os.Rename(path+".1", path+".2") },
			func() error { return os.Rename(path, path+".1") },
			func() error { return os.WriteFile(path, nil, 0o600) },
		} {
			if i < steps {
				require.NoError(t, step())
			}
		}
		info, err := os.Stat(path)
		rotates := err == nil && info.Size() > 0
		s := newSession()
		f, err := Open(path, Options{MaxSize: 1, Keep: 3}, s.Start)
		require.NoError(t, err, "%d steps", steps)
		if rotates {
			require.NoError(t, f.rotate(), "%d steps", steps)
		}
		f.options.MaxSize = 0
		for i := range 9 {
			at := time.Duration(i+1) * time.Second
			require.NoError(t, f.Append(s.Sample(moment(at), ntpprobe.Exchange{Server: servers[0], Sample: sampleAt(at)})))
		}
		require.NoError(t, f.Close())
		var counts []int
		for _, n := range sessionsIn(t, path) {
			if n > 0 { // a start alone
				counts = append(counts, n)
			}
		}
		require.Equal(t, want, counts, "%d steps", steps)
	}
}

// TestRecord_ATornBeginningIsForgotten: what follows it is read, and is ours ever after.
func TestRecord_ATornBeginningIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	for cut := 1; cut < len(opening)+10; cut++ {
		text := opening + "0123456789"
		require.NoError(t, os.WriteFile(path, []byte(text[:cut]), 0o600))
		for range 3 {
			recordTo(t, path, Options{}, 1)
		}
		list, _ := readFiles(t, path)
		require.Len(t, list, 3, "cut at %d", cut)
	}
}

// TestRecord_ARotationGivesNobodyItsOldFile: whoever opens FILE while another rotates it gets
// FILE, or is told that it is taken, and never FILE.1.
func TestRecord_ARotationGivesNobodyItsOldFile(t *testing.T) {
	if runtime.GOOS == "windows" || lockable(t) != nil {
		t.Skip("this system has no locks, or renames no open file")
	}
	path := filepath.Join(t.TempDir(), "r")
	early, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(t, err)
	defer early.Close()
	require.NoError(t, os.Rename(path, path+".1"))
	_, err = claim(early, path)
	require.ErrorIs(t, err, errRenamed)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = claim(early, path)
	require.ErrorIs(t, err, errRenamed, "another file has its name")

	ctx, stop := context.WithCancel(t.Context())
	var rotating sync.WaitGroup
	defer rotating.Wait()
	defer stop()
	rotating.Go(func() {
		for ctx.Err() == nil {
			f, err := Open(path, Options{Keep: 1}, newSession().Start)
			for range 20 {
				if err == nil {
					err = f.rotate() // fails if the other was first
				}
			}
			if f != nil {
				_ = f.Close()
			}
		}
	})
	for got := 0; got < 30; {
		other, err := Open(path, Options{}, newSession().Start)
		if err != nil {
			require.ErrorIs(t, err, ErrLocked)
			continue
		}
		got++
		its, err1 := other.file.Stat()
		now, err2 := os.Stat(path)
		require.NoError(t, errors.Join(err1, err2, other.Close()))
		require.True(t, os.SameFile(its, now), "it got FILE.1")
	}
}

// TestRecord_ATinyLimitStillKeepsEachLine: a line larger than the limit gets a file of
// its own.
func TestRecord_ATinyLimitStillKeepsEachLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	recordTo(t, path, Options{MaxSize: 1, Keep: 10}, 3)
	list, _ := readFiles(t, path+".3", path+".2", path+".1")
	require.Len(t, list[0].Exchanges, 3)
}

func TestRecord_OneRecorderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	first, err := Open(path, Options{MaxSize: 2000, Keep: 1}, newSession().Start)
	require.NoError(t, err)
	_, err = Open(path, Options{}, newSession().Start)
	if errors.Is(lockable(t), errors.ErrUnsupported) {
		t.Skip("this system has no locks")
	}
	require.ErrorIs(t, err, ErrLocked)
	s := newSession()
	for i := range 5 { // the lock goes along with a rotation
		require.NoError(t, first.Append(s.Event(moment(time.Duration(i)), EventStatus, strings.Repeat("x", 600), nil)))
	}
	_, err = Open(path, Options{}, newSession().Start)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, first.Close())
	again, err := Open(path, Options{}, newSession().Start)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

// TestRead_SkipsWhatMakesNoSense, one line at a time, and keeps the rest.
func TestRead_SkipsWhatMakesNoSense(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	recordTo(t, path, Options{}, 2)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	good := lines[1]
	for name, bad := range map[string]string{
		"noise":                  "\x00\xff{\n",
		"another schema":         strings.Replace(good, "clockctl/v1", "clockctl/v9", 1),
		"no session":             `{"schema":"clockctl/v1","type":"sample","address":"a"}` + "\n",
		"a session without name": strings.Replace(good, `"session":"`, `"session":"00`, 1),
		"an unknown server":      strings.Replace(good, `"address":"192.0.2.1"`, `"address":"192.0.2.9"`, 1),
		"no t1":                  strings.Replace(good, `"t1_ns":`, `"t1":`, 1),
		"no root delay":          strings.Replace(good, `"root_delay_ns":15259`, `"root_delay_ns":null`, 1),
		"a root delay below 0, which would make the interval too narrow": strings.Replace(good, `"root_delay_ns":`, `"root_delay_ns":-`, 1),
		"a dispersion below 0":    strings.Replace(good, `"root_dispersion_ns":`, `"root_dispersion_ns":-`, 1),
		"an absurd reading":       strings.Replace(good, `"t4_ns":`, `"t4_ns":9223372036`, 1),
		"an absurd moment":        strings.Replace(good, `"at_ns":`, `"at_ns":9223372036`, 1),
		"time ran back":           strings.Replace(good, `"took_ns":`, `"took_ns":-`, 1),
		"no time of day":          strings.Replace(good, `"read_at":"2026`, `"read_at":"x026`, 1),
		"a day of another age":    strings.Replace(good, `"read_at":"2026`, `"read_at":"2110`, 1),
		"a stamp of another form": strings.Replace(good, `"t2":"2026`, `"t2":"x026`, 1),
		"a stamp of another age":  strings.Replace(good, `"t2":"2026`, `"t2":"1026`, 1),
		"three bytes of an id":    strings.Replace(good, `"reference_id_hex":"c0`, `"reference_id_hex":"`, 1),
		"a leap of no kind":       strings.Replace(good, `"leap_indicator":0`, `"leap_indicator":4`, 1),
		"an address of no kind":   strings.Replace(good, `"remote":"192`, `"remote":"x`, 1),
		"a line without end":      strings.Repeat("x", longestLine+10) + "\n",
	} {
		require.NotEqual(t, good, bad, name)
		broken := filepath.Join(t.TempDir(), "broken")
		require.NoError(t, os.WriteFile(broken, []byte(lines[0]+bad+lines[2]), 0o600))
		list, warnings := readFiles(t, broken)
		require.Len(t, list[0].Exchanges, 1, name)
		require.Len(t, warnings, 1, name)
		require.Contains(t, warnings[0], "broken:2:", name)
	}
}

// TestRead_TheSameLinesTwiceCountOnce: a file may be named twice, or its copy.
func TestRead_TheSameLinesTwiceCountOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	recordTo(t, path, Options{}, 5)
	once, _ := readFiles(t, path)
	twice, warnings := readFiles(t, path, path)
	require.Empty(t, warnings)
	require.Equal(t, once[0].Exchanges, twice[0].Exchanges)
}

// TestRead_AStartThatCannotBeIsSkipped: the wrong line is named, and not the flags of
// whoever reads it.
func TestRead_AStartThatCannotBeIsSkipped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	recordTo(t, path, Options{}, 1)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	list, _ := readFiles(t, path)
	require.Equal(t, ntpprobe.FaultyNone, list[0].Assumptions().Faulty)
	for name, edit := range map[string][2]string{
		"more may lie than two servers carry": {`"faulty_tolerated":0`, `"faulty_tolerated":1`},
		"fewer than none":                     {`"faulty_tolerated":0`, `"faulty_tolerated":-1000`},
		"no server":                           {`"servers":[`, `"servers":[],"x":[`},
		"a server twice":                      {`ntp.example.net:1123`, `192.0.2.1:123`},
		"no address":                          {`ntp.example.net:1123`, `:::`},
		"more wander than drift":              {`"wander_ratio":0.000015`, `"wander_ratio":0.05`},
		"no drift":                            {`"max_drift_ratio":0.0002`, `"max_drift_ratio":0`},
	} {
		bad := bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
		require.NotEqual(t, text, bad, name)
		var first string
		r := Reader{Warn: func(_ string, line int, why string) {
			if line == 1 {
				first = why
			}
		}}
		require.Error(t, r.Read("r", bytes.NewReader(bad)), name)
		require.NotEmpty(t, first, name)
		require.Empty(t, r.Recordings(), name)
	}
}

// TestRead_NothingUsableIsAnError.
func TestRead_NothingUsableIsAnError(t *testing.T) {
	for _, text := range []string{"", "\n\n", "hello\n", "{}\n"} {
		require.Error(t, new(Reader).Read("x", strings.NewReader(text)), "%q", text)
	}
}

// FuzzRead: any bytes give recordings or an error, and what they hold is in range.
func FuzzRead(f *testing.F) {
	var whole bytes.Buffer
	encode := json.NewEncoder(&whole)
	s := newSession()
	for _, line := range []any{s.Start(false), s.Sample(moment(time.Second), ntpprobe.Exchange{Server: servers[0], Sample: sampleAt(time.Second)}), s.Event(moment(2*time.Second), EventStop, "synchronized", nil)} {
		if err := encode.Encode(line); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:whole.Len()-20])
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Reader
		if r.Read("fuzz", bytes.NewReader(text)) != nil {
			return
		}
		for _, recording := range r.Recordings() {
			for _, x := range recording.Exchanges {
				require.GreaterOrEqual(t, x.At.After.Nanos, x.At.Before.Nanos)
				require.GreaterOrEqual(t, x.Sample.Header.RootDelay, time.Duration(0))
				_ = x.Sample.Check(ntpprobe.Limits{})
			}
		}
	})
}
