package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// cluster is three members on loopback, each a process that can be stopped and killed.
type cluster struct {
	dir     string
	members []*child
	configs []memberConfig
}

// child is a process of this program in another role. Its first line of input is its configuration, and it ends with its input.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	ended chan struct{} // when it was waited for
	said  strings.Builder
}

// spawn runs this program again, as `role`.
func spawn(role string, config any) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	first, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, role), ended: make(chan struct{})}
	c.cmd.SysProcAttr = diesWithParent()
	c.cmd.Stderr = &c.said
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	_, err = c.in.Write(append(first, '\n'))
	if err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

// line returns the next line that the child says.
func (c *child) line() (string, error) {
	if c.out.Scan() {
		return c.out.Text(), nil
	}
	_ = c.end()
	return "", fmt.Errorf("%s has ended: %v %s", c.cmd.Args[1], c.out.Err(), c.said.String())
}

func (c *child) signal(s syscall.Signal) error { return c.cmd.Process.Signal(s) }

// end closes the child's input, and kills it if that is not enough, or if it is stopped.
func (c *child) end() error {
	select {
	case <-c.ended:
		return nil
	default:
	}
	err := c.in.Close()
	_ = proceed(c)
	defer time.AfterFunc(2*time.Second, func() { _ = c.cmd.Process.Kill() }).Stop()
	_ = c.cmd.Wait()
	close(c.ended)
	return err
}

// kill ends the child at once.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	_ = c.in.Close()
	close(c.ended)
}

// startCluster starts three members with their data in dir, and returns when they serve.
func startCluster(ctx context.Context, dir string) (*cluster, error) {
	for attempt := 1; ; attempt++ {
		c, err := tryCluster(dir, attempt)
		if err == nil {
			return c, nil
		}
		if attempt == 3 || ctx.Err() != nil { // somebody else may have taken a port
			return nil, err
		}
	}
}

func tryCluster(dir string, attempt int) (*cluster, error) {
	c := &cluster{dir: filepath.Join(dir, fmt.Sprint("cluster-", attempt))}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, err
	}
	var peers []string
	for i := range 3 {
		addresses, err := freeAddresses(2)
		if err != nil {
			return nil, err
		}
		m := memberConfig{Name: fmt.Sprint("m", i+1), Dir: c.dir, Client: addresses[0], Peer: addresses[1]}
		peers = append(peers, m.Name+"=http://"+m.Peer)
		c.configs = append(c.configs, m)
	}
	for i := range c.configs {
		c.configs[i].Cluster = strings.Join(peers, ",")
		m, err := spawn("member", c.configs[i])
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.members = append(c.members, m)
	}
	for _, m := range c.members {
		if _, err := m.line(); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// freeAddresses returns addresses that nobody listens on. They lie below those that the system gives to whoever asks for any.
func freeAddresses(n int) (addresses []string, err error) {
	for range 1000 {
		address := fmt.Sprint("127.0.0.1:", 10000+rand.IntN(20000))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		defer listener.Close() // only now, so that they differ
		if addresses = append(addresses, address); len(addresses) == n {
			return addresses, nil
		}
	}
	return nil, errors.New("no ports are free")
}

// restart starts a member that was killed, on its data.
func (c *cluster) restart(i int) error {
	m, err := spawn("member", c.configs[i])
	if err != nil {
		return err
	}
	c.members[i] = m
	_, err = m.line()
	return err
}

// leader returns which member leads, and waits until one does.
func (c *cluster) leader(ctx context.Context, client *clientv3.Client) (int, error) {
	for ctx.Err() == nil {
		for i := range c.configs {
			asking, cancel := context.WithTimeout(ctx, time.Second)
			status, err := client.Status(asking, "http://"+c.configs[i].Client)
			cancel()
			if err == nil && status.Leader == status.Header.MemberId {
				return i, nil
			}
		}
		pause(ctx)
	}
	return 0, context.Cause(ctx)
}

func (c *cluster) endpoints() (endpoints []string) {
	for _, m := range c.configs {
		endpoints = append(endpoints, "http://"+m.Client)
	}
	return endpoints
}

// close ends all members.
func (c *cluster) close() error {
	var all sync.WaitGroup
	for _, m := range c.members {
		all.Go(func() { _ = m.end() })
	}
	all.Wait()
	return os.RemoveAll(c.dir)
}
