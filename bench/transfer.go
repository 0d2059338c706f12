// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
)

// transfer is one round from the source to a sink that had nothing.
type transfer struct {
	size                   int64
	stored, assembled      time.Duration // since the request was accepted
	source, sink           cpuTime       // until stored
	wholeSource, wholeSink cpuTime       // until assembled
	peakSource, peakSink   int64         // bytes
}

func (t transfer) gbits(d time.Duration) float64 { return float64(t.size) * 8 / 1e9 / d.Seconds() }

// perGB are CPU seconds for 10^9 bytes.
func (t transfer) perGB(d time.Duration) float64 { return d.Seconds() / float64(t.size) * 1e9 }

// lookEvery is how often a transfer is looked at: often enough to see when it is stored, too seldom to cost anything.
const lookEvery = 20 * time.Millisecond

// round runs one transfer with the command line that people use.
func (f *fleet) round(ctx context.Context) (t transfer, err error) {
	s, err := f.join(ctx)
	if err != nil {
		return t, err
	}
	out := filepath.Join(f.dir, "out")
	defer func() { err = errors.Join(err, s.leave(), os.RemoveAll(out)) }()
	forgetPeak(f.source.PID())
	forgetPeak(s.PID())
	source, sink, err := f.cpu(s)
	if err != nil {
		return t, err
	}
	t.size = f.size
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	got := make(chan error, 1)
	go func() {
		_, err := f.Run(ctx, "get", f.name, "--state", s.state, "-o", out)
		if err != nil {
			cancel(err)
		}
		got <- err
	}()
	err = poll(ctx, lookEvery, func() (bool, error) {
		flow, err := s.flow(ctx)
		if err != nil || flow.Size == 0 || flow.Verified < flow.Size {
			return false, err
		}
		if t.stored == 0 {
			t.stored = time.Since(flow.Created)
			if t.source, t.sink, err = f.cpu(s); err != nil {
				return false, err
			}
		}
		t.assembled = flow.Finished.Sub(flow.Created)
		return flow.State == api.StateDone, nil
	})
	if err != nil {
		cancel(err)
		<-got
		return t, err
	}
	t.wholeSource, t.wholeSink, err = f.cpu(s)
	if err := errors.Join(err, <-got); err != nil {
		return t, err
	}
	t.source, t.sink = t.source.less(source), t.sink.less(sink)
	t.wholeSource, t.wholeSink = t.wholeSource.less(source), t.wholeSink.less(sink)
	t.peakSource, err = readPeak(f.source.PID())
	if err != nil {
		return t, err
	}
	t.peakSink, err = readPeak(s.PID())
	return t, err
}

func (f *fleet) cpu(s *sink) (source, sink cpuTime, err error) {
	source, err = readCPU(f.source.PID())
	if err != nil {
		return source, sink, err
	}
	sink, err = readCPU(s.PID())
	return source, sink, err
}

// The goals of a transfer, from the first release on.
const (
	goalGbits    = 1.5
	goalCPU      = 9   // CPU seconds a GB, both ends
	goalMemory   = 150 // MiB, in a transfer of 4 GiB
	goalRefetch  = 32  // MiB: what the scheduler lets be under way
	goalJournal  = 5   // % of the time of a transfer
	goalPublish  = 500 // MB/s a core
	goalRate     = 2   // %
	goalLateness = 1   // ms
)

func (b *bench) oneToOne(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("one to one over loopback: %s, sealed, hashed, stored; median of %d", size(b.o.Size), b.o.Rounds)
	f, err := b.newFleet(ctx, "image", b.o.Size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	var rounds []transfer
	for i := range b.o.Rounds {
		b.say("one to one, round %d of %d", i+1, b.o.Rounds)
		t, err := f.round(ctx)
		if err != nil {
			return err
		}
		rounds = append(rounds, t)
	}
	// The slowest first.
	slices.SortFunc(rounds, func(x, y transfer) int { return cmp.Compare(y.stored, x.stored) })
	t, last := rounds[len(rounds)/2], rounds[len(rounds)-1]
	b.oneRound = t
	s.add("ebb, to verified and on disk", t.gbits(t.stored), "Gbit/s").should(atLeast, goalGbits).
		note("%s to %s", short(rounds[0].gbits(rounds[0].stored)), short(last.gbits(last.stored)))
	s.add("ebb, to assembled output", t.gbits(t.assembled), "Gbit/s")
	s.add("ebb, both ends, to on disk", t.perGB(t.source.total()+t.sink.total()), "CPU-s/GB").should(atMost, goalCPU)
	s.add("ebb, both ends, to assembled", t.perGB(t.wholeSource.total()+t.wholeSink.total()), "CPU-s/GB")
	s.add("ebb, source", t.perGB(t.source.total()), "CPU-s/GB").note("user %s, system %s", short(t.perGB(t.source.user)), short(t.perGB(t.source.system)))
	s.add("ebb, sink", t.perGB(t.sink.total()), "CPU-s/GB").note("user %s, system %s", short(t.perGB(t.sink.user)), short(t.perGB(t.sink.system)))
	s.add("ebb, source, peak memory", mebibytes(t.peakSource), "MiB")
	s.add("ebb, sink, peak memory", mebibytes(t.peakSink), "MiB")
	s.add("ebb publish, to verified and on disk", float64(f.size)*8/1e9/f.publish.Seconds(), "Gbit/s")
	return b.references(ctx, s)
}

func (b *bench) memory(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("memory in one transfer of %s with its output", size(b.o.MemorySize))
	f, err := b.newFleet(ctx, "large", b.o.MemorySize)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	b.say("a transfer of %s", size(b.o.MemorySize))
	t, err := f.round(ctx)
	if err != nil {
		return err
	}
	s.add("sink, peak resident", mebibytes(t.peakSink), "MiB").should(atMost, goalMemory)
	s.add("source, peak resident", mebibytes(t.peakSource), "MiB").should(atMost, goalMemory)
	s.add("source, peak resident while publishing", mebibytes(f.peak), "MiB")
	s.add("goodput, to verified and on disk", t.gbits(t.stored), "Gbit/s")
	s.add("CPU of both ends, to on disk", t.perGB(t.source.total()+t.sink.total()), "CPU-s/GB")
	return nil
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// size shows an amount in the largest unit that leaves it whole.
func size(bytes int64) string {
	if bytes%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", bytes>>30)
	}
	return fmt.Sprintf("%s MiB", short(mebibytes(bytes)))
}
