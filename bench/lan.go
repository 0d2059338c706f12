// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/bench/reference"
	"github.com/ebbproject/ebb/bench/stage"
	"github.com/ebbproject/ebb/bench/torrent"
)

// The goals of a transfer between neighbours.
const (
	goalLANShare = 80 // % of crypto/tls
	goalLANCPU   = 3  // CPU seconds a GB, both ends
)

// lan lays a transfer between two hosts of one location beside bare TLS, in turn and in one process, because only their ratio means
// something on a machine that is not quiet.
func (b *bench) lan(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("between neighbours over loopback: %s, TLS 1.3, hashed, stored", size(b.o.StageSize))
	b.say("between neighbours")
	p, whole, err := b.inOneProcess(ctx, "lan", stage.NewNeighbours)
	defer func() { err = errors.Join(err, b.away(p, "lan")) }()
	if err != nil {
		return err
	}
	if carrier, err := p.Carrier(ctx); err != nil || carrier != daemon.CarrierTLS {
		return errors.Join(err, fmt.Errorf("the transfer ran on %q", carrier))
	}
	bare, err := reference.TLS(b.o.StageSize)
	if err != nil {
		return err
	}
	s.add("ebb, to verified and on disk", whole.Gbits(), "Gbit/s")
	s.add("crypto/tls over TCP", bare.Gbits(), "Gbit/s").note("nothing hashed or stored")
	s.add("ebb, share of crypto/tls", 100*whole.Gbits()/bare.Gbits(), "%").should(atLeast, goalLANShare)
	s.add("ebb, both ends", whole.CPUPerGB(), "CPU-s/GB").should(atMost, goalLANCPU).note("system %s", short(whole.SystemPerGB()))
	s.add("crypto/tls over TCP, both ends", bare.CPUPerGB(), "CPU-s/GB")
	if err := b.least(s, bare); err != nil {
		return err
	}
	for _, name := range []string{"aria2", "libtorrent-tcp"} {
		if err := b.swarm(ctx, s, name); err != nil {
			return err
		}
	}
	return nil
}

// least adds up what the parts cost that nobody can do without, each alone: what is above it is ours.
func (b *bench) least(s *Section, bare reference.Result) error {
	hash, err := stage.Hash(b.o.StageSize)
	if err != nil {
		return err
	}
	files, err := b.files(b.o.StageSize)
	if err != nil {
		return err
	}
	together := bare.CPUPerGB() + 2*hash.CPUPerGB() + files.CPUPerGB()
	s.add("SHA-256, both ends", 2*hash.CPUPerGB(), "CPU-s/GB")
	s.add(plainFiles, files.Gbits(), "Gbit/s").note("nothing read meanwhile; %s CPU-s/GB", short(files.CPUPerGB()))
	s.add("the least: these, both ends", together, "CPU-s/GB").
		note("%s Gbit/s if %d cores did nothing else", short(8*float64(runtime.NumCPU())/together), runtime.NumCPU())
	return nil
}

var (
	seederAt  = torrent.Place{Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Port: 6891}
	leecherAt = torrent.Place{Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Port: 6892}
)

// swarm measures one of the usual peers over loopback, not encrypted: its pieces are hashed (SHA-1) and stored as well.
func (b *bench) swarm(ctx context.Context, s *Section, name string) (err error) {
	client, title := torrent.Clients[name], strings.ReplaceAll(name, "-tcp", " over TCP")
	if err := client.Installed(ctx); err != nil {
		s.missing(title, err.Error())
		return nil
	}
	b.say("between two of %s", title)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, name)
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pair, err := torrent.Seed(ctx, client, dir, l, seederAt, b.o.Seed, b.o.StageSize)
	defer func() { err = errors.Join(err, pair.Close()) }()
	if err != nil {
		return err
	}
	before, err := b.used(pair)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := pair.Leech(leecherAt); err != nil {
		return err
	}
	if err := pair.Fetched(ctx); err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	took := time.Since(start)
	after, err := b.used(pair)
	gb := float64(b.o.StageSize) / 1e9
	s.add(title, 8*gb/took.Seconds(), "Gbit/s").note("not encrypted; from its start until it told its tracker")
	s.add(title+", both ends", after.less(before).total().Seconds()/gb, "CPU-s/GB")
	return err
}

// used is what the clients of a swarm have used so far.
func (b *bench) used(pair *torrent.Swarm) (sum cpuTime, err error) {
	for _, id := range pair.Processes() {
		one, bad := readCPU(id)
		sum, err = cpuTime{sum.user + one.user, sum.system + one.system}, errors.Join(err, bad)
	}
	return sum, err
}
