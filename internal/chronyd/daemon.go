package chronyd

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Config describes a daemon. The zero value is an honest stratum 1 server on
// 127.0.0.1.
type Config struct {
	IP netip.Addr // 127.0.0.1 if not valid; on Linux any 127.x.y.z will do

	// Follow makes it a client of another daemon, whose time it serves shifted by
	// Offset: a falseticker whose packets look honest.
	Follow *Daemon
	Offset time.Duration

	// Faketime preloads libfaketime with this shift. The kernel's receive stamp
	// stays true and the transmit stamp is faked: an inconsistent server.
	Faketime time.Duration

	// Unready does not wait for the daemon to have a time of its own.
	Unready bool
}

// Daemon is a running chronyd.
type Daemon struct {
	Addr netip.AddrPort

	cmd    *exec.Cmd
	exited chan struct{}
	name   string // for people
	log    string
}

// Start starts a daemon, waits until it serves what the configuration says, and
// stops it when the test ends. If the test fails its log is shown.
func Start(t testing.TB, c Config) *Daemon {
	t.Helper()
	binary := Require(t)
	if !c.IP.IsValid() {
		c.IP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	dir := socketDir(t)
	addr := netip.AddrPortFrom(c.IP, freePort(t, c.IP))
	d := &Daemon{Addr: addr, exited: make(chan struct{}), name: "chronyd on " + addr.String(), log: filepath.Join(dir, "log")}
	conf := filepath.Join(dir, "chrony.conf")
	if err := os.WriteFile(conf, []byte(c.file(dir, d.Addr)), 0o600); err != nil {
		t.Fatal(err)
	}
	d.start(t, binary, conf, c)
	if !c.Unready {
		d.await(t, c)
	}
	return d
}

// socketDir returns a new folder with a short path, since a socket goes there, and of
// mode 0700, or chronyd refuses it.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chronyd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// file is the configuration file. See chrony.conf(5).
func (c Config) file(dir string, addr netip.AddrPort) string {
	source := "local stratum 1"
	if c.Follow != nil {
		// No makestep: under -x the daemon cannot step, and tries for ever.
		source = fmt.Sprintf("server %s port %d offset %g minpoll -2 maxpoll 0 iburst", c.Follow.Addr.Addr(), c.Follow.Addr.Port(), c.Offset.Seconds())
	} else if c.Unready {
		source = ""
	}
	return strings.Join([]string{
		source, "allow", "bindaddress " + addr.Addr().String(), fmt.Sprintf("port %d", addr.Port()),
		"cmdport 0", "bindcmdaddress " + filepath.Join(dir, "sock"), "pidfile " + filepath.Join(dir, "pid"), "",
	}, "\n")
}

func (d *Daemon) start(t testing.TB, binary, conf string, c Config) {
	t.Helper()
	args := []string{"-x", "-d", "-f", conf}
	if os.Geteuid() == 0 {
		args = append(args, "-u", "root")
	} else if me, err := user.Current(); err == nil {
		args = append(args, "-U", "-u", me.Username)
	}
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.cmd = exec.Command(binary, args...)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if c.Faketime != 0 {
		d.cmd.Env = append(os.Environ(), "LD_PRELOAD="+RequireFaketime(t), fmt.Sprintf("FAKETIME=%+g", c.Faketime.Seconds()), "DONT_FAKE_MONOTONIC=1")
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.cmd.Wait(); close(d.exited) }()
	t.Cleanup(func() {
		d.Stop()
		if t.Failed() {
			text, _ := os.ReadFile(d.log)
			t.Logf("%s:\n%s", d.name, bytes.TrimSpace(text))
		}
	})
}

// Stop ends the daemon, by its process id, and waits for it.
func (d *Daemon) Stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have exited already
	select {
	case <-d.exited:
	case <-time.After(3 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.exited
	}
}

// freePort asks the kernel for a port that is free on ip now.
func freePort(t testing.TB, ip netip.Addr) uint16 {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		absent(t, "loopback", fmt.Sprintf("this host has no %s: %v", ip, err))
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// Socket is the path of its unix socket, for chronyc.
func (d *Daemon) Socket() string { return filepath.Join(filepath.Dir(d.log), "sock") }
