package mutants

// mutant is one way to break the code, and the test that must notice.
type mutant struct {
	name string // what a programmer might have got wrong
	file string
	edit []string // old, new, old, new, …; each old stands in the file exactly once
	test string   // in the package of the file, unless in names another
	in   string
}

var mutants = []mutant{
	// exchange and sample
	{name: "wrong sign of the offset", file: "ntpprobe/sources.go",
		edit: []string{"interval.Midpoint() - at.Wall.UnixNano()", "at.Wall.UnixNano() - interval.Midpoint()"},
		test: "TestSources_SignOfTheOffset"},
	{name: "the delay halved instead of two constraints", file: "ntpprobe/sample.go",
		edit: []string{
			"Nanos: s.T2 + int64(s.RootDistance()-s.Server.MinOneWay)", "Nanos: s.T2 - int64(s.Delay()/2) + int64(s.RootDistance())",
			"Nanos: s.T3 - int64(s.RootDistance()-s.Server.MinOneWay)", "Nanos: s.T3 + int64(s.Delay()/2) - int64(s.RootDistance())",
		},
		test: "TestEstimator_AllDelayOneWay"},
	{name: "nonce unchecked", file: "ntpprobe/packet.go",
		edit: []string{" && [8]byte(datagram[24:32]) == nonce", ""}, test: "TestQuery_SkipsWhatIsNotForUs"},
	{name: "T1 stamped after sending", file: "ntpprobe/conn.go",
		edit: []string{
			"if c.t1, c.clockErr = c.local.Read(); c.clockErr != nil {\n\t\treturn 0, c.clockErr\n\t}\n\tn, err := c.Conn.Write(request)",
			"n, err := c.Conn.Write(request)\n\tif c.t1, c.clockErr = c.local.Read(); c.clockErr != nil {\n\t\treturn 0, c.clockErr\n\t}",
		},
		test: "TestQuery_StampsOnTheSafeSide"},
	{name: "negative delay accepted", file: "ntpprobe/sample.go",
		edit: []string{"case s.Delay() < 0:", "case false:", "case s.Delay() < 2*s.Server.MinOneWay:", "case false:"}, test: "TestSample_Check_NamesTheReason"},
	{name: "hostile precision accepted", file: "ntpprobe/sample.go",
		edit: []string{"h.PrecisionExponent > 0 || ", ""}, test: "TestSample_Check_NamesTheReason"},
	{name: "resolution of the root fields forgotten", file: "ntpprobe/sample.go",
		edit: []string{"(rootStep+1)/2 + rootStep + stampRounding", "stampRounding"}, test: "TestSample_RootDistance"},
	{name: "hostile exponents reach the library", file: "ntpprobe/conn.go",
		edit: []string{"\t\tdisarm(buffer)\n", ""}, test: "TestQuery_NoPacketEndsTheProcess"},

	// window, domains, estimator
	{name: "ageing forgotten", file: "ntpprobe/estimator.go",
		edit: []string{"SlopePPB: -e.assume.DriftPPB", "SlopePPB: 0", "SlopePPB: e.assume.DriftPPB", "SlopePPB: 0"},
		test: "TestEstimator_ContainsTrueTime_WhateverFLiarsDo"},
	{name: "the best constraints of a window never age", file: "ntpprobe/sample.go",
		edit: []string{"SlopePPB: -driftPPB", "SlopePPB: 0", "SlopePPB: driftPPB", "SlopePPB: 0"},
		test: "TestEstimator_ContainsTrueTime_WhateverFLiarsDo"},
	{name: "an older constraint beats a tighter newer one", file: "ntpprobe/window.go",
		edit: []string{"return upper(newer, at) <= upper(older, at)", "return upper(newer, at) >= upper(older, at)"},
		test: "TestWindow_EqualsAllConstraints"},
	{name: "the window never forgets", file: "ntpprobe/estimator.go",
		edit: []string{"src.window.expire(r.Nanos - int64(e.assume.Window))", "_ = src"},
		test: "TestEstimator_ForgetsWhatIsOlderThanTheWindow"},
	{name: "one host counts as often as it has names", file: "ntpprobe/domain.go",
		edit: []string{"return a.IsValid() && a.Addr() == b.Addr()", "return false && a.Addr() == b.Addr()"},
		test: "TestEstimator_OneAddressCountsOnce"},
	{name: "a liar keeps the bound alive", file: "ntpprobe/estimator.go",
		edit: []string{"newest[len(newest)-1-e.faulty]", "newest[len(newest)-1]"},
		test: "TestEstimator_ExpiryCannotBeKeptAliveByALiar"},
	{name: "the last bound not carried", file: "ntpprobe/estimator.go",
		edit: []string{"b.Intersect(e.carry)", "b.Intersect(truetime.Bound{})"},
		test: "TestEstimator_ContainsTrueTime_WhateverFLiarsDo"},
	{name: "a jump of the local clock blamed on the servers", file: "ntpprobe/estimator.go",
		edit: []string{"contradictory > e.faulty &&", "false &&"}, test: "TestEstimator_LocalClockJumps"},
	{name: "samples of an ended epoch accepted", file: "ntpprobe/estimator.go",
		edit: []string{"if s.T4.Epoch < e.epoch {", "if false {"}, test: "TestEstimator_NewEpochForgetsEverything"},

	// etiquette
	{name: "DENY ignored", file: "ntpprobe/reject.go",
		edit: []string{`return r.KissCode() == "DENY" || r.KissCode() == "RSTR"`, "return false"}, test: "TestProber_HonoursDeny"},
	{name: "public servers polled as fast as configured", file: "ntpprobe/schedule.go",
		edit: []string{"s.poll = max(s.poll, publicFloor)", "s.poll += 0 * publicFloor"}, test: "TestSchedule_Stories"},

	// bound and agreement
	{name: "deepest overlap instead of fixed f", file: "truetime/agree.go",
		edit: []string{"hull, best := overlap(intervals, n-faulty)", "_, deepest := overlap(intervals, n)\n\thull, best := overlap(intervals, deepest)"},
		test: "TestOverlapLiar_DoesNotPullTheAnswer"},
	{name: "f raised until there is an agreement", file: "truetime/agree.go",
		edit: []string{"if best < n-faulty {", "if best < 2 {"}, test: "TestAgree_EqualsBruteForceForEveryF"},
	{name: "fewer than 2f + 1 sources accepted", file: "truetime/agree.go",
		edit: []string{"if n <= 2*faulty {", "if n <= faulty {"}, test: "TestAgree_Stories"},
	{name: "touching intervals do not agree", file: "truetime/agree.go",
		edit: []string{"if a.ends {\n\t\t\treturn 1", "if b.ends {\n\t\t\treturn 1"}, test: "TestAgree_Stories"},
	{name: "rounding inward", file: "truetime/line.go",
		edit: []string{"up != negative", "up == negative"}, test: "TestBound_RoundsOutward"},
	{name: "slope × age in 64 bits", file: "truetime/line.go",
		edit: []string{"hi, lo := bits.Mul64(d, slope)", "hi, lo := uint64(0), d*slope"}, test: "TestLine_LongHoldoverDoesNotOverflow"},
	{name: "readings of another epoch answered", file: "truetime/bound.go",
		edit: []string{"case r.Epoch != b.At.Epoch:", "case r.Epoch == b.At.Epoch+1<<60:"}, test: "TestBound_AnswersOnlyForItsOwnReadings"},
	{name: "expiry ignored", file: "truetime/bound.go",
		edit: []string{"case r.Nanos > b.Expires:", "case false:"}, test: "TestClock_StaleAfterItsBoundExpires"},
	{name: "a looser new side replaces the old one", file: "truetime/bound.go",
		edit: []string{"if before >= now.earliest {", "if false {"}, test: "TestIntersect_KeepsTheTighterSides"},

	// clock and local clock
	{name: "After not strict", file: "truetime/clock.go",
		edit: []string{"nanos < now.earliest", "nanos <= now.earliest"}, test: "TestClock_AfterAndBeforeAreStrict"},
	{name: "Before not strict", file: "truetime/clock.go",
		edit: []string{"now.latest < nanos", "now.latest <= nanos"}, test: "TestClock_AfterAndBeforeAreStrict"},
	{name: "a disproof is taken for silence", file: "truetime/clock.go",
		edit: []string{"noQuorum.Disproved():", "false:"}, test: "TestClock_DisprovedStopsServingAtOnce"},
	{name: "the disproved generation comes back", file: "truetime/clock.go",
		edit: []string{"s.floor = s.bound.Generation + 1", "s.floor = s.bound.Generation"}, test: "TestClock_DisprovedStopsServingAtOnce"},
	{name: "contradicting bounds accepted", file: "truetime/clock.go",
		edit: []string{"narrowed, err := b.Intersect(old.bound)", "narrowed, err := b, error(nil)"}, test: "TestClock_TwoBoundsThatExcludeEachOther"},
	{name: "suspend not noticed", file: "truetime/localclock_linux.go",
		edit: []string{"if b-m1 <= base+suspendThreshold {", "if b-m1 <= base+suspendThreshold || true {"}, test: "TestRawClock_ASuspendBeginsOneEpoch"},
	{name: "a gap between the two looks missed", file: "truetime/localclock_portable.go",
		edit: []string{"m := c.mono()\n\t\tgap := time.Duration(c.wall() - int64(m) - e.ahead)", "wall := c.wall()\n\t\tm := c.mono()\n\t\tgap := time.Duration(wall - int64(m) - e.ahead)"},
		test: "TestPortableClock_AGapBetweenTheTwoLooks"},

	// waiting
	{name: "the wait ends when earliest equals the moment", file: "truetime/wait.go",
		edit: []string{"if now.earliest > target {", "if now.earliest >= target {"}, test: "TestWait_IsStrict"},
	{name: "the same, seen by two transactions", file: "truetime/wait.go", in: "truetime/commitwait",
		edit: []string{"if now.earliest > target {", "if now.earliest >= target {"}, test: "TestCommit_PerfectClocksStillWait"},
	{name: "the clock not read again after the sleep", file: "truetime/wait.go",
		edit: []string{"case <-timer.C:\n", "case <-timer.C:\n\t\t\treturn nil\n"}, test: "TestWait_LooksAtTheClockEverySecond"},
	{name: "the drift forgotten when the wait is predicted", file: "truetime/wait.go",
		edit: []string{"uint64(slopeUnit + s.bound.Earliest.SlopePPB)", "uint64(slopeUnit)"}, test: "TestUntilAfter_IsWhatTheWaitTakes"},

	// commit wait
	{name: "s = midpoint", file: "truetime/commitwait/committer.go",
		edit: []string{"c.above(now.LatestUnixNano(), floors)", "c.above(now.Midpoint(), floors)"}, test: "TestCommit_OrderIsRealTimeOrder_AtTheCorner"},
	{name: "s = earliest", file: "truetime/commitwait/committer.go",
		edit: []string{"c.above(now.LatestUnixNano(), floors)", "c.above(now.EarliestUnixNano(), floors)"}, test: "TestCommit_OrderIsRealTimeOrder_AtTheCorner"},
	{name: "no wait", file: "truetime/commitwait/committer.go",
		edit: []string{"c.clock.WaitUntilAfter(ctx, time.Unix(0, ts.WallTime))", "ctx.Err()"}, test: "TestCommit_OrderIsRealTimeOrder_AtTheCorner"},
	{name: "applied before the wait", file: "truetime/commitwait/committer.go",
		edit: []string{"\tif err := c.clock.WaitUntilAfter", "\t_ = apply(ctx, ts)\n\tif err := c.clock.WaitUntilAfter"}, test: "TestCommit_NothingIsVisibleBeforeTheWaitIsOver"},
	{name: "the HLC advanced when s is assigned", file: "truetime/commitwait/committer.go",
		edit: []string{"\tc.last = ts\n", "\tc.last = ts\n\t_ = c.events.Observe(ts)\n"}, test: "TestCommit_NothingIsVisibleBeforeTheWaitIsOver"},
	{name: "not above what was assigned before", file: "truetime/commitwait/committer.go",
		edit: []string{"[]hlc.Timestamp{c.last}", "[]hlc.Timestamp{}"}, test: "TestCommit_StampsRise"},
	{name: "a floor may be as far ahead as it likes", file: "truetime/commitwait/committer.go",
		edit: []string{"lead > c.options.MaxFloorLead {", "false && lead > 0 {"}, test: "TestCommit_RefusesBeforeItAssigns"},

	// hybrid and Lamport clocks
	{name: "a clock that stands still issues the same stamp twice", file: "hlc/clock.go",
		edit: []string{"s&slowBit == 0 && pt > wallOf(s)", "s&slowBit == 0 && pt >= wallOf(s)"}, test: "TestClock_Stories"},
	{name: "the fast path taken in slow mode", file: "hlc/clock.go",
		edit: []string{"s&slowBit == 0 && pt > wallOf(s)", "pt >= wallOf(s)"}, test: "TestClock_ManyGoroutines"},
	{name: "a remote timestamp believed without limit", file: "hlc/clock.go",
		edit: []string{"time.Duration(lead) > c.maxLead", "false"}, test: "TestClock_RefusedRemoteLeavesNoTrace"},
	{name: "remote ignored", file: "hlc/clock.go",
		edit: []string{"if remote.After(last) {", "if false {"}, test: "TestClock_CausesComeFirst"},
	{name: "the logical part wraps", file: "hlc/timestamp.go",
		edit: []string{"case t.Logical < math.MaxUint32:", "case true:"}, test: "TestTimestamp_NextIsTheLowestAbove"},
	{name: "the Lamport counter wraps", file: "lamport/clock.go",
		edit: []string{"case max(last, remote) == math.MaxUint64:", "case false:"}, test: "TestClock_SaturatesAndNeverWraps"},
}
