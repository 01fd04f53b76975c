package chronyd

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ClientConfig describes a daemon that asks and does not serve.
type ClientConfig struct {
	// Servers must differ in their IP addresses, by which chronyd tells sources apart.
	Servers []netip.AddrPort
	// From is the address that it sends from, any 127.x.y.z on Linux.
	From netip.Addr
	// Poll is the pause between two requests to one server, as a power of two seconds.
	Poll int
	// MaxClockErrorPPM is the drift that it assumes of its own clock, beyond what it measures.
	MaxClockErrorPPM int
	// Command lets it listen for the requests of chronyc on a port of 127.0.0.1, too.
	Command bool
	// Also are further lines of the configuration.
	Also []string
}

// Client is a running chronyd that follows servers.
type Client struct {
	daemon  *Daemon
	chronyc string
	dir     string
	command netip.AddrPort
}

// StartClient starts a daemon that follows the servers, and stops it when the test
// ends. It does not wait until it is synchronized.
func StartClient(t testing.TB, c ClientConfig) *Client {
	t.Helper()
	binary, control := Require(t), requireChronyc(t)
	dir := socketDir(t)
	conf := filepath.Join(dir, "chrony.conf")
	var command netip.AddrPort
	if c.Command {
		loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		command = netip.AddrPortFrom(loopback, freePort(t, loopback))
	}
	if err := os.WriteFile(conf, []byte(c.file(dir, command)), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &Daemon{exited: make(chan struct{}), name: "chronyd that asks from " + c.From.String(), log: filepath.Join(dir, "log")}
	d.start(t, binary, conf, Config{})
	return &Client{daemon: d, chronyc: control, dir: dir, command: command}
}

// file is the configuration file. It logs what each reply said, valid or not.
func (c ClientConfig) file(dir string, command netip.AddrPort) string {
	var lines []string
	for _, s := range c.Servers {
		lines = append(lines, fmt.Sprintf("server %s port %d minpoll %d maxpoll %d iburst", s.Addr(), s.Port(), c.Poll, c.Poll))
	}
	return strings.Join(append(append(lines, c.Also...),
		"port 0", "bindacqaddress "+c.From.String(), fmt.Sprintf("maxclockerror %d", c.MaxClockErrorPPM),
		"logdir "+dir, "log rawmeasurements", "logbanner 0",
		fmt.Sprintf("cmdport %d", command.Port()), "bindcmdaddress 127.0.0.1", "bindcmdaddress "+filepath.Join(dir, "sock"), "pidfile "+filepath.Join(dir, "pid"), "",
	), "\n")
}

// Socket is the path of its unix socket.
func (c *Client) Socket() string { return filepath.Join(c.dir, "sock") }

// Command is where it listens for chronyc; not valid unless the configuration says so.
func (c *Client) Command() netip.AddrPort { return c.command }

// Chronyc runs chronyc on it, and returns what it prints.
func (c *Client) Chronyc(arguments ...string) (string, error) {
	out, err := exec.Command(c.chronyc, append([]string{"-n", "-h", c.Socket()}, arguments...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("chronyc %v: %w: %s", arguments, err, out)
	}
	return string(out), nil
}

// Stop ends the daemon and waits for it.
func (c *Client) Stop() { c.daemon.Stop() }

// Tracking asks the daemon what it believes now. It returns an error when the daemon
// does not answer.
func (c *Client) Tracking() (Tracking, error) {
	out, err := c.Chronyc("-c", "tracking")
	if err != nil {
		return Tracking{}, err
	}
	return parseTracking(out)
}

// Measurements returns what the daemon has noted about each reply, in the order of their
// arrival.
func (c *Client) Measurements() ([]Measurement, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, "measurements.log"))
	if err != nil {
		return nil, err
	}
	var all []Measurement
	for line := range strings.Lines(string(text)) {
		m, err := parseMeasurement(line)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}
