package main

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/record"
	"github.com/trueclock/trueclock/internal/replay"
)

// loopbackRecording is the real run of testdata/traces.
func loopbackRecording(t *testing.T) record.Recording {
	t.Helper()
	f, err := os.Open("../../testdata/traces/loopback.ndjson")
	require.NoError(t, err)
	defer f.Close()
	var r record.Reader
	require.NoError(t, r.Read("loopback", f))
	return r.Recordings()[0]
}

// TestTrace_WhereNothingWasKnownIsAGap: three hours without an answer, and later a new epoch:
// no line is drawn across either, and the second is marked.
func TestTrace_WhereNothingWasKnownIsAGap(t *testing.T) {
	r := loopbackRecording(t)
	n := len(r.Exchanges)
	for i := n / 3; i < n; i++ {
		x := &r.Exchanges[i]
		silence := int64(3 * time.Hour)
		x.At.Before.Nanos, x.At.After.Nanos, x.At.Wall = x.At.Before.Nanos+silence, x.At.After.Nanos+silence, x.At.Wall.Add(3*time.Hour)
		x.Sample.T1.Nanos, x.Sample.T4.Nanos, x.Sample.T2, x.Sample.T3 = x.Sample.T1.Nanos+silence, x.Sample.T4.Nanos+silence, x.Sample.T2+silence, x.Sample.T3+silence
		if i >= 2*n/3 {
			x.At.Before.Epoch, x.At.After.Epoch, x.Sample.T1.Epoch, x.Sample.T4.Epoch = 2, 2, 2, 2
		}
	}
	tr, err := (&tracing{clock: "wall"}).replay(r, 0)
	require.NoError(t, err)
	var pieces []int
	for i, p := range tr.points {
		if i == 0 || p.piece != tr.points[i-1].piece {
			pieces = append(pieces, p.piece)
		} else {
			require.Less(t, p.at.Sub(tr.points[i-1].at), time.Hour, "no line over the silence")
			require.Empty(t, p.began)
		}
	}
	require.Len(t, pieces, 3)
	figure := offsetFigure("wall", []trace{tr})
	require.Len(t, figure.Marks, 1)
	require.Len(t, figure.Notes, 1)
}

// TestTrace_AStepOfTheWallClockFoldsNothing: time runs on, and the offset tells of the step.
func TestTrace_AStepOfTheWallClockFoldsNothing(t *testing.T) {
	r := loopbackRecording(t)
	for i := len(r.Exchanges) / 2; i < len(r.Exchanges); i++ {
		r.Exchanges[i].At.Wall = r.Exchanges[i].At.Wall.Add(-time.Hour)
	}
	tr, err := (&tracing{clock: "wall"}).replay(r, 0)
	require.NoError(t, err)
	for i, p := range tr.points {
		if i > 0 {
			require.False(t, p.at.Before(tr.points[i-1].at))
		}
	}
	last := tr.points[len(tr.points)-1]
	require.InDelta(t, time.Hour, last.offset, float64(last.half))
	require.Less(t, last.at.Sub(tr.points[0].at), 7*time.Minute)
	require.Equal(t, 1, tr.steps)
	fit, ok := replay.FitLine(tr.steady)
	require.True(t, ok)
	require.Less(t, math.Abs(fit.Rate), 100e-6, "the step is no rate")
	require.Contains(t, analysisDetails(tr), "the wall clock was certainly set 1×")
	require.Equal(t, beganStep, offsetFigure("wall", []trace{tr}).Marks[0].Name)
}

// TestTrace_ASlewIsNoStep, be it as fast as a kernel can.
func TestTrace_ASlewIsNoStep(t *testing.T) {
	r := loopbackRecording(t)
	for i := range r.Exchanges {
		at := &r.Exchanges[i].At
		at.Wall = at.Wall.Add(time.Duration(at.Before.Nanos / 10))
	}
	tr, err := (&tracing{clock: "wall"}).replay(r, 0)
	require.NoError(t, err)
	require.Zero(t, tr.steps)
}

// TestFigure_ManyTracesLeaveRoomForThePicture.
func TestFigure_ManyTracesLeaveRoomForThePicture(t *testing.T) {
	tr, err := (&tracing{clock: "wall"}).replay(loopbackRecording(t), 0)
	require.NoError(t, err)
	many := make([]trace, 100)
	for i := range many {
		many[i] = tr
	}
	notes := offsetFigure("wall", many).Notes
	require.Len(t, notes, mostNotes+1)
	require.Equal(t, "and 94 more", notes[mostNotes])
	require.Contains(t, notes[0], tr.name)
}
