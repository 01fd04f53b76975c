package chronylog

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const measurementsHeader = `==================
   Date (UTC) Time     IP Address   L St 123 567 ABCD  LP RP Score    Offset  Peer del. Peer disp.  Root del. Root disp. Refid     MTxRx
==================
`

const trackingHeader = `==================
   Date (UTC) Time     IP Address   St   Freq ppm   Skew ppm     Offset L Co  Offset sd Rem. corr. Root delay Root disp. Max. error
==================
`

// TestRead_Measurements is the line of chrony.conf(5), where positive means that the
// local clock is slow.
func TestRead_Measurements(t *testing.T) {
	log, err := Read(strings.NewReader(measurementsHeader+
		"2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.0 -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K\n"+
		measurementsHeader+ // chronyd repeats it
		"2016-11-09 05:40:51 203.0.113.15    N  2 111 101 1111  10 10 1.0 -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K\n"+
		"2016-11-09 05:40:52 203.0.113.15    ?  2 111 111 1111  10 10 1.0 -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K\n"), nil)
	require.NoError(t, err)
	require.Equal(t, Measurements, log.Kind)
	require.Equal(t, 2, log.Unready, "one failed a test, one is not synchronised")
	require.Len(t, log.Points, 1)
	p := log.Points[0]
	require.Equal(t, time.Date(2016, 11, 9, 5, 40, 50, 0, time.UTC), p.At)
	require.Equal(t, "203.0.113.15", p.Source)
	require.Equal(t, -4_966*time.Microsecond, p.Offset)
	exact := 229_600*time.Microsecond/2 + 15_770*time.Nanosecond + 161_500*time.Microsecond/2 + 7_446*time.Microsecond
	require.Greater(t, p.Half, exact+51*time.Microsecond, "rounded outward: half a unit of each number that is printed")
	require.Less(t, p.Half, exact+52*time.Microsecond)
}

// TestRead_Tracking: there positive means fast, so the sign is turned.
func TestRead_Tracking(t *testing.T) {
	log, err := Read(strings.NewReader(trackingHeader+
		"2026-11-25 10:54:55 0.0.0.0          0      0.000 1000000.000  0.000e+00 ?  0  0.000e+00 -0.000e+00  1.000e+00  1.000e+00  1.500e+00\n"+
		"2017-08-22 13:22:36 203.0.113.15     2     -3.541      0.075 -8.621e-06 N  2  2.940e-03 -2.084e-04  1.534e-02  3.472e-04  8.304e-03\n"), nil)
	require.NoError(t, err)
	require.Equal(t, Tracking, log.Kind)
	require.Equal(t, 1, log.Unready)
	require.Len(t, log.Points, 1)
	require.Equal(t, 8_621*time.Nanosecond-208_400*time.Nanosecond, log.Points[0].Offset)
	exact := 15_340*time.Microsecond/2 + 347_200*time.Nanosecond
	require.Greater(t, log.Points[0].Half, exact)
	require.Less(t, log.Points[0].Half, exact+3*time.Microsecond)
}

const statisticsHeader = `==================
   Date (UTC) Time     IP Address    Std dev'n Est offset  Offset sd  Diff freq   Est skew  Stress  Ns  Bs  Nr  Asym
==================
`

// TestRead_Statistics is the line of chrony.conf(5): positive means fast and gaining, so both
// signs are turned. What it says is no bound.
func TestRead_Statistics(t *testing.T) {
	log, err := Read(strings.NewReader(statisticsHeader+
		"2016-08-10 05:40:50 203.0.113.15     6.261e-03 -3.247e-03  2.220e-03  1.874e-06  1.080e-06 7.8e-02  16   0   8  0.00\n"+
		"2016-08-10 05:41:50 203.0.113.15     6.261e-03 -3.247e-03  2.220e-03  1.874e-06  1.080e-06 7.8e-02  16   0   8\n"+ // before chrony 3.0
		"2016-08-10 05:42:50 203.0.113.15     6.261e-03 -3.247e-03  2.220e-03  1.874e-06  1.080\n"), nil)
	require.NoError(t, err)
	require.Equal(t, Statistics, log.Kind)
	require.False(t, log.Kind.Bounded())
	require.Len(t, log.Points, 2)
	require.Equal(t, Point{
		At: time.Date(2016, 8, 10, 5, 40, 50, 0, time.UTC), Source: "203.0.113.15", Offset: 3_247 * time.Microsecond,
		Deviation: 2_220 * time.Microsecond, Rate: -1.874e-6, Skew: 1.08e-6,
	}, log.Points[0])
	require.True(t, Measurements.Bounded() && Tracking.Bounded())
}

func TestRead_TornLinesAreSkipped(t *testing.T) {
	var warned []int
	log, err := Read(strings.NewReader(measurementsHeader+
		"2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.0 x.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K\n"+
		"2016-11-09 05:40:50 203.0.113.15    N  2 111"), func(line int, _ string) { warned = append(warned, line) })
	require.NoError(t, err)
	require.Empty(t, log.Points)
	require.Equal(t, []int{4, 5}, warned)
}

func TestRead_RefusesWhatItDoesNotKnow(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":               "",
		"no header":             "2016-11-09 05:40:50 203.0.113.15 N 2",
		"refclocks.log":         "   Date (UTC) Time         Refid  DP L P  Raw offset   Cooked offset      Disp.\n",
		"two logs in one file":  measurementsHeader + trackingHeader,
		"a column was removed":  "   Date (UTC) Time     IP Address   L St Peer del.\n",
		"something else at all": "hello\n",
	} {
		_, err := Read(strings.NewReader(text), nil)
		require.ErrorIs(t, err, ErrUnknown, name)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(measurementsHeader + "2016-11-09 05:40:50 203.0.113.15    N  2 111 111 1111  10 10 1.0 -4.966e-03  2.296e-01  1.577e-05  1.615e-01  7.446e-03 CB00717B 4B D K\n")
	f.Add(trackingHeader + "2017-08-22 13:22:36 203.0.113.15     2     -3.541      0.075 -8.621e-06 N  2  2.940e-03 -2.084e-04  1.534e-02  3.472e-04  8.304e-03\n")
	f.Add(statisticsHeader + "2016-08-10 05:40:50 203.0.113.15     6.261e-03 -3.247e-03  2.220e-03  1.874e-06  1.080e-06 7.8e-02  16   0   8  0.00\n")
	f.Fuzz(func(t *testing.T, text string) {
		log, err := Read(strings.NewReader(text), nil)
		if err != nil {
			require.Empty(t, log.Points)
		}
		for _, p := range log.Points {
			require.Equal(t, log.Kind.Bounded(), p.Half > 0)
		}
	})
}
