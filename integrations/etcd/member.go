package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
)

// memberConfig is what a member is told in the first line of its input.
type memberConfig struct {
	Name, Dir    string
	Client, Peer string // addresses on loopback
	Cluster      string // name=http://peer,…
}

// member is one etcd server, in a process of its own. It ends when its input does: with whoever started it.
func member(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	var c memberConfig
	if err := json.Unmarshal(first, &c); err != nil {
		return err
	}
	orphaned := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		close(orphaned)
	}()
	server, err := embed.StartEtcd(c.embed())
	if err != nil {
		return err
	}
	select {
	case <-server.Server.ReadyNotify():
		fmt.Fprintln(out, "ready")
	case err := <-server.Err():
		return err
	case <-orphaned:
		return nil
	}
	select {
	case <-server.Server.StopNotify():
		return errors.New("the member has stopped")
	case err := <-server.Err():
		return err
	case <-orphaned:
		return nil // as if killed, which a server has to stand anyway
	}
}

// embed is the configuration of the server. Every commit is synced to the disk.
func (c memberConfig) embed() *embed.Config {
	e := embed.NewConfig()
	e.Name, e.Dir = c.Name, filepath.Join(c.Dir, c.Name)
	client, peer := url.URL{Scheme: "http", Host: c.Client}, url.URL{Scheme: "http", Host: c.Peer}
	e.ListenClientUrls, e.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	e.ListenPeerUrls, e.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	e.InitialCluster = c.Cluster
	e.TickMs, e.ElectionMs = 100, 1200 // three servers and their clients share this machine's processors
	e.LogLevel, e.LogOutputs = "warn", []string{filepath.Join(c.Dir, c.Name+".log")}
	return e
}
