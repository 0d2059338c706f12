// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ebbproject/ebb/bench/stage"
	"github.com/ebbproject/ebb/transfer/seal"
	"github.com/ebbproject/ebb/transfer/shim"
)

// stages lays what the parts of a transfer cost beside what the whole costs.
func (b *bench) stages(ctx context.Context, s *Section) error {
	n := b.o.StageSize
	s.Title = fmt.Sprintf("where the CPU time goes: each stage alone in one process, %s", size(n))
	b.say("stages")
	hash, err := stage.Hash(n)
	if err != nil {
		return err
	}
	disk, err := b.disk(n)
	if err != nil {
		return err
	}
	carrier, err := stage.Carrier(ctx, n)
	if err != nil {
		return err
	}
	session, err := stage.Session(n, carrier.Message)
	if err != nil {
		return err
	}
	together := 0.0
	for _, x := range []struct {
		name string
		cost stage.Cost
	}{
		{"source: read a chunk and verify it", disk.Get},
		{"both: session, in memory", session},
		{"both: carrier, over loopback", carrier.Cost},
		{"sink: hash on arrival", hash},
		{"sink: verify, write and sync a chunk", disk.Put},
	} {
		s.cost(x.name, x.cost)
		together += x.cost.CPUPerGB()
	}
	s.add("these together", together, "CPU-s/GB")
	if err := b.carrierStages(s, carrier); err != nil {
		return err
	}
	return b.wholes(ctx, s)
}

// cost adds a figure of CPU time.
func (s *Section) cost(name string, c stage.Cost) {
	s.add(name, c.CPUPerGB(), "CPU-s/GB").note("system %s, %s Gbit/s", short(c.SystemPerGB()), short(c.Gbits()))
}

func (b *bench) disk(bytes int64) (d stage.Disk, err error) {
	dir := filepath.Join(b.dir, "disk")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return stage.Store(dir, bytes)
}

// carrierStages takes the carrier apart.
func (b *bench) carrierStages(s *Section, whole stage.Carried) error {
	sealing, err := stage.Seal(b.o.StageSize, whole.Datagram)
	if err != nil {
		return err
	}
	sctp, err := stage.SCTP(b.o.StageSize, whole.Message, whole.Datagram-seal.Overhead-shim.HeaderSize)
	if err != nil {
		return err
	}
	datagrams, err := stage.Datagrams(b.o.StageSize, whole.Datagram)
	if err != nil {
		return err
	}
	s.cost("of the carrier: sealing and opening", sealing)
	s.cost("of the carrier: pion/sctp in memory", sctp)
	s.cost(fmt.Sprintf("of the carrier: datagrams of %d bytes", whole.Datagram), datagrams)
	s.add("of the carrier: shim, copies, hand-overs", whole.CPUPerGB()-sealing.CPUPerGB()-sctp.CPUPerGB()-datagrams.CPUPerGB(), "CPU-s/GB").note("the rest of it")
	return nil
}

// wholes runs a transfer between two daemons in this process, and looks at its journal.
func (b *bench) wholes(ctx context.Context, s *Section) (err error) {
	b.say("a transfer in one process")
	p, whole, err := b.inOneProcess(ctx, "pair", stage.NewPair)
	defer func() { err = errors.Join(err, b.away(p, "pair")) }()
	if err != nil {
		return err
	}
	b.pair, b.pairJournal = whole, p.Journal
	s.cost("a whole transfer, both ends in one process", whole)
	if t := b.oneRound; t.size > 0 {
		s.add("a whole transfer, two processes (above)", t.perGB(t.source.total()+t.sink.total()), "CPU-s/GB").
			note("system %s", short(t.perGB(t.source.system+t.sink.system)))
	}
	return nil
}

// inOneProcess runs a transfer between two daemons in this process, whose files are in that folder. Afterwards, also with an error, they
// are put away.
func (b *bench) inOneProcess(ctx context.Context, folder string, create func(string, int64) (*stage.Pair, error)) (p *stage.Pair, c stage.Cost, err error) {
	dir := filepath.Join(b.dir, folder)
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return nil, c, err
	}
	if p, err = create(dir, b.o.StageSize); err != nil {
		return nil, c, err
	}
	if err = p.Connected(ctx); err == nil {
		c, err = p.Transfer(ctx)
	}
	return p, c, err
}

func (b *bench) away(p *stage.Pair, folder string) (err error) {
	if p != nil {
		err = p.Close()
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(b.dir, folder)))
}

// publishing cuts and hashes a file in the page cache.
func (b *bench) publishing(_ context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("publishing %s from the page cache", size(b.o.StageSize))
	b.say("publishing")
	path := filepath.Join(b.dir, "published")
	defer func() { err = errors.Join(err, os.RemoveAll(path)) }()
	if err := stage.WriteNoise(path, b.o.Seed, b.o.StageSize); err != nil {
		return err
	}
	c, err := stage.Publish(path)
	if err != nil {
		return err
	}
	s.add("read, cut and hashed", float64(c.Bytes)/1e6/(c.User+c.System), "MB/s a core").should(atLeast, goalPublish)
	s.add("the same by the clock", float64(c.Bytes)/1e6/c.Seconds, "MB/s")
	return nil
}
