package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/timex"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// Tally counts exchanges and those without a reply. The zero value is ready.
type Tally struct{ Asked, Lost int }

// Add notes an exchange.
func (t *Tally) Add(x ntpprobe.Exchange) {
	var rejected *ntpprobe.RejectedError
	t.Asked++
	if errors.As(x.Err, &rejected) && rejected.Reason.Unreachable() {
		t.Lost++
	}
}

// enough is how many failure domains it takes until one liar neither breaks the interval nor
// makes it much wider. Source: RFC 8633 §3.2.
const enough = 4

// muchLoss is the share of lost packets from which on a network is called bad: a good one loses less
// than one in a thousand (ITU-T Y.1541, classes 0 to 4), and of the few exchanges of one run a single one may be bad luck.
const muchLoss = 0.1

// Servers checks what a measurement says of the servers, and of the clock by them.
func Servers(m Machine, r ntpprobe.Report, t Tally, l Limits) []Check {
	return []Check{number(r), reach(r), loss(t), agreement(r), upstream(r), leap(m, r), smear(r), wallClock(r, l), kernelClaim(m, r)}
}

// NoServers stands for the checks that need servers. What the kernel was told of a leap second can be
// said without.
func NoServers(m Machine) []Check {
	none := Check{
		Name: "servers", Status: Skip, Value: "none named, so only this machine was looked at", Limit: fmt.Sprintf("at least %d failure domains", enough),
		Why: "Only other clocks show whether this one is right.", Do: "Name at least four servers of different operators.",
	}
	c := leapCheck()
	switch {
	case m.KernelErr != nil:
		c = c.found(Skip, "%v", m.KernelErr)
	case m.leaps():
		c = c.found(Warn, "the kernel was told of one")
	case !m.Kernel.Synchronized():
		c = c.found(Skip, "nobody tells the kernel, and no server was named")
	default:
		c = c.found(OK, "the kernel was told of none")
	}
	return []Check{none, c}
}

// Unfinished is what is left of the checks of the servers if the measurement was interrupted: who did
// not answer yet is not silent, and too few may agree so far.
func Unfinished(checks []Check) []Check {
	checks = slices.Clone(checks)
	for i, c := range checks {
		if slices.Contains([]string{"reach", "loss", "agreement"}, c.Name) && c.Status != OK {
			checks[i] = c.found(Skip, "interrupted; so far: %s", c.Value)
		}
	}
	return checks
}

func number(r ntpprobe.Report) Check {
	domains := map[string]bool{}
	for _, s := range r.Sources {
		domains[s.Domain] = true
	}
	c := Check{
		Name: "servers", Limit: fmt.Sprintf("at least %d failure domains", enough),
		Why: "One or two servers cannot be disproved, and with three the interval is as wide as the liar wants within reason. Four tolerate one that lies.",
		Do:  "Name servers of different operators, four or more.",
	}
	return c.found(warnIf(len(domains) < enough), "%d %s, of which %d may lie", len(domains), plural(len(domains), "failure domain", "failure domains"), r.Faulty)
}

// reach finds servers that do not answer, and what blocks them all.
func reach(r ntpprobe.Report) Check {
	c := Check{
		Name: "reach", Limit: "every server answers",
		Why: "A server that does not answer does not count, and --max-faulty is never lowered.",
		Do:  "See the reasons with clockctl probe; replace servers that stay silent.",
	}
	count := map[ntpprobe.Reason]int{}
	silent := 0
	var names []string
	for _, s := range r.Sources {
		if s.State == ntpprobe.Unreachable || s.State == ntpprobe.Rejected && s.Reason != ntpprobe.ReasonNoQuorum {
			names = append(names, fmt.Sprintf("%s (%s)", s.Server.Address, s.Reason))
		}
		if s.State == ntpprobe.Unreachable {
			count[s.Reason]++
			silent++
		}
	}
	all := len(r.Sources)
	switch {
	case silent == all && count[ntpprobe.ReasonResolve] == all:
		c.Do = "Repair name resolution (/etc/resolv.conf), or name servers by address."
		return c.found(Fail, "no name resolves")
	case silent == all && count[ntpprobe.ReasonTimeout]+count[ntpprobe.ReasonNoRoute] == all:
		c.Do = "A firewall probably drops NTP: allow UDP to port 123 (or those you named) and the replies, or name servers inside this network, such as the router or 169.254.169.123 in a cloud."
		return c.found(Fail, "no reply from any of %d: is UDP port 123 blocked?", all)
	case silent == all:
		return c.found(Fail, "none of %d answers: %s", all, strings.Join(names, ", "))
	case names != nil:
		return c.found(Warn, "%d of %d give nothing usable: %s", len(names), all, strings.Join(names, ", "))
	}
	return c.found(OK, "all %d answer", all)
}

// loss is about the servers that answer at all.
func loss(t Tally) Check {
	c := Check{
		Name: "loss", Limit: percent(muchLoss),
		Why: "Lost packets are samples that are missing; a busy network is also a slow and an uneven one.",
		Do:  "Look for a full link, or a server that limits its clients (RATE): ask it less often.",
	}
	if t.Asked == t.Lost {
		return c.found(Skip, "nobody answers; see reach")
	}
	return c.found(warnIf(float64(t.Lost) > muchLoss*float64(t.Asked)), "%d of %d exchanges without a reply", t.Lost, t.Asked)
}

func agreement(r ntpprobe.Report) Check {
	c := Check{
		Name: "agreement", Limit: "all servers agree",
		Why: "A server outside of what the others agree on is wrong. More than --max-faulty of them take the interval away.",
		Do:  "Compare them with clockctl probe -o wide, and replace who is outside.",
	}
	var noQuorum *truetime.NoQuorumError
	var liars []string
	for _, s := range r.Sources {
		if s.State == ntpprobe.Falseticker {
			liars = append(liars, s.Server.Address+": "+s.Detail)
		}
	}
	switch {
	case errors.As(r.Err, &noQuorum):
		return c.found(Fail, "no quorum: %s", noQuorum.Detail())
	case r.Err != nil:
		return c.found(Fail, "%s", strings.TrimPrefix(r.Err.Error(), "truetime: "))
	case liars != nil:
		return c.found(Warn, "%s", strings.Join(liars, "; "))
	}
	return c.found(OK, "%d of %d agree", r.Agreed(), len(r.Sources))
}

// leaps reports whether the kernel was told of a leap second.
func (m Machine) leaps() bool {
	k := m.Kernel
	return m.KernelErr == nil && (k.Status.Has(timex.Insert) || k.Status.Has(timex.Delete) || k.State == timex.LeapNow)
}

func leapCheck() Check {
	return Check{
		Name: "leap", Limit: "none pending",
		Why: "Around a leap second clocks are a second apart, and each is right on its own scale. Intervals become wider by a second until it is over.",
		Do:  "Verify it with IERS Bulletin C; if it is real, plan for it, and if not, replace the servers that announce it.",
	}
}

// leap looks for announced leap seconds, by the servers or in the kernel.
func leap(m Machine, r ntpprobe.Report) Check {
	c := leapCheck()
	announcing := 0
	for _, s := range r.Sources {
		if h := s.Header; h != nil && (h.Leap == ntpprobe.LeapInsert || h.Leap == ntpprobe.LeapDelete) {
			announcing++
		}
	}
	switch {
	case r.Leap.Kind != ntpprobe.LeapNone:
		return c.found(Warn, "%s at the end of %s UTC", r.Leap.Kind, r.Leap.At.AddDate(0, 0, -1).Format(time.DateOnly))
	case announcing > 0:
		return c.found(Warn, "%d of %d servers announce one, no more than may lie", announcing, len(r.Sources))
	case m.leaps():
		return c.found(Warn, "the kernel was told of one, the servers announce none")
	case usable(r) == 0:
		return c.found(Skip, "no server answers")
	}
	return c.found(OK, "none pending")
}

// worst is the largest error that the wall clock can have.
func worst(r ntpprobe.Report) (offset, worst time.Duration) {
	offset = time.Duration(r.Interval.Midpoint() - r.Instant.Wall.UnixNano())
	return offset, offset.Abs() + r.Interval.Uncertainty()
}

func wallClock(r ntpprobe.Report, l Limits) Check {
	c := Check{
		Name: "local-clock", Limit: fmt.Sprintf("%v, fail at %v", l.Warning, l.Danger),
		Why: "Whatever stamps with the wall clock of this machine, logs, certificates, databases, can be wrong by this much.",
		Do:  "Let a time daemon keep it. If the error is mostly uncertainty, name nearer servers.",
	}
	if r.Err != nil {
		return c.found(Skip, "there is no interval to compare it with")
	}
	offset, most := worst(r)
	word := "slow"
	if offset < 0 {
		word = "fast"
	}
	status := warnIf(most >= l.Warning)
	if most >= l.Danger {
		status = Fail
	}
	return c.found(status, "%v %s, wrong by %v at most", short(offset.Abs()), word, atMost(most))
}

// kernelClaim compares what the kernel was told of its error with what the servers prove.
func kernelClaim(m Machine, r ntpprobe.Report) Check {
	c := Check{
		Name: "kernel-claim", Limit: "within the kernel's maximum error",
		Why: "Programs such as ClockBound believe the error that the time daemon tells the kernel. If the servers prove that the clock is further off, they believe too much.",
		Do:  "Compare the daemon's servers with those named here: its sources may lie, or it may have lost them (clockctl sources).",
	}
	if m.KernelErr != nil || !m.Kernel.Synchronized() || r.Err != nil {
		return c.found(Skip, "the kernel claims nothing, or there is no interval to compare with")
	}
	offset, _ := worst(r)
	certain := max(0, offset.Abs()-r.Interval.Uncertainty())
	if certain > m.Kernel.MaxError {
		return c.found(Fail, "the clock is off by at least %v, and the kernel was told at most %v", atLeast(certain), atMost(m.Kernel.MaxError))
	}
	return c.found(OK, "at most %v, and the servers do not disprove it", atMost(m.Kernel.MaxError))
}
