//go:build unix

package skewhttp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
)

const every = 100 * time.Millisecond

var names = []string{"a", "b", "c", "d", "e"}

// process is a node that runs.
type process struct {
	*exec.Cmd
	name    string
	address string // where it listens
	input   io.Writer

	mutex   sync.Mutex
	changed chan struct{}     // closed and made anew with each line
	holds   map[string]string // the verdicts it has said last
	evicted map[string]bool   // whom it has ever wanted to evict
}

// listen takes its lines until it ends.
func (p *process) listen(lines *bufio.Scanner) {
	for lines.Scan() {
		member, verdict, _ := strings.Cut(lines.Text(), " ")
		p.mutex.Lock()
		p.holds[member] = verdict
		if verdict == "evict" {
			p.evicted[member] = true
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mutex.Unlock()
	}
}

// says waits until the verdicts on a to e are these: h, e or . (unknown).
func (p *process) says(t *testing.T, want, why string) {
	t.Helper()
	patience := time.After(30 * time.Second)
	for {
		p.mutex.Lock()
		var got strings.Builder
		for _, name := range names {
			got.WriteString(map[string]string{"healthy": "h", "evict": "e"}[p.holds[name]])
			if v := p.holds[name]; v == "" || v == "unknown" {
				got.WriteString(".")
			}
		}
		changed := p.changed
		p.mutex.Unlock()
		if got.String() == want {
			return
		}
		select {
		case <-changed:
		case <-patience:
			require.Equal(t, want, got.String(), "%s: what %s says of %v", why, p.name, names)
		}
	}
}

// TestMonitor_FiveProcesses is a fleet of real processes on loopback, which know the time by NTP and ask each other by HTTP: one has
// a wall clock that is out by 600 ms, one is cut off, one is stopped and one is killed. Only the one whose clock
// is out is ever evicted, and it comes back when its clock is set right.
func TestMonitor_FiveProcesses(t *testing.T) {
	nodes, links := startFleet(t)
	a, b, c, d, e := nodes[0], nodes[1], nodes[2], nodes[3], nodes[4]
	for _, p := range nodes {
		p.says(t, "hhhhe", "one clock is out by 600 ms, and that node says so itself")
	}
	isolate(links, 3, true)
	a.says(t, "hhh.e", "d is cut off: nothing is known of it")
	d.says(t, "....e", "who is cut off knows nothing, and takes back nothing")
	isolate(links, 3, false)
	a.says(t, "hhhhe", "d is back")
	d.says(t, "hhhhe", "d is back")

	require.NoError(t, c.Process.Signal(syscall.SIGSTOP))
	b.says(t, "hh.he", "c stands still: dead or slow, nobody knows")
	require.NoError(t, c.Process.Signal(syscall.SIGCONT))
	b.says(t, "hhhhe", "its clock is as right as before")
	c.says(t, "hhhhe", "its clock is as right as before")

	_, err := fmt.Fprintln(e.input, "0s")
	require.NoError(t, err)
	for _, p := range nodes {
		p.says(t, "hhhhh", "the clock was set right")
	}
	require.NoError(t, b.Process.Kill())
	a.says(t, "h.hhh", "b is dead")
	for _, p := range nodes {
		p.mutex.Lock()
		require.Equal(t, map[string]bool{"e": true}, p.evicted, "nobody else was ever evicted, by %s", p.name)
		p.mutex.Unlock()
	}
}

// startFleet starts three time servers, five nodes, and a link from each node to each other.
func startFleet(t *testing.T) ([]*process, [][]*link) {
	var servers []string
	for range 3 {
		s, err := fleet.Start(fleet.Config{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		servers = append(servers, s.Addr())
	}
	nodes, links := make([]*process, len(names)), make([][]*link, len(names)) // [from][to]
	for from, self := range names {
		s := nodeSettings{Self: self, Servers: servers, Every: every, Peers: map[string]string{}}
		for to, name := range names {
			links[from] = append(links[from], newLink(t))
			s.Peers[name] = links[from][to].listener.Addr().String()
		}
		if self == "e" {
			s.Ahead = 600 * time.Millisecond
		}
		nodes[from] = startNode(t, s)
	}
	for from, p := range nodes {
		for to := range nodes {
			links[from][to].lead(nodes[to].address)
		}
		_, err := fmt.Fprintln(p.input, "begin")
		require.NoError(t, err)
	}
	return nodes, links
}

// isolate cuts all links from and to a node, or mends them.
func isolate(links [][]*link, node int, cut bool) {
	for other := range links {
		links[node][other].set(cut)
		links[other][node].set(cut)
	}
}

// startNode starts a process, which waits for a line before it begins.
func startNode(t *testing.T, s nodeSettings) *process {
	settings, err := json.Marshal(s)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SKEW_TEST_NODE="+string(settings))
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &process{Cmd: cmd, name: s.Self, input: input, changed: make(chan struct{}), holds: map[string]string{}, evicted: map[string]bool{}}
	lines := bufio.NewScanner(output)
	require.True(t, lines.Scan(), "node %s did not start", s.Self)
	p.address = lines.Text()
	var listening sync.WaitGroup
	listening.Go(func() { p.listen(lines) })
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		listening.Wait()
		_ = cmd.Wait()
	})
	return p
}
