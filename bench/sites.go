// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/ebbproject/ebb/bench/sites"
)

// dsl is the uplink of a branch.
var dsl = sites.Uplink{Down: 20e6, Up: 5e6, Delay: 20 * time.Millisecond, Buffer: 200 * time.Millisecond}

// whole distributes to three locations while fetchers are killed every 10 s and the hub is away.
func (b *bench) whole(ctx context.Context, s *Section) error {
	return b.killing(ctx, s, 10*time.Second)
}

// seldom does so with a kill every 30 s, of which there are some if the content is larger.
func (b *bench) seldom(ctx context.Context, s *Section) error {
	return b.killing(ctx, s, 30*time.Second)
}

func (b *bench) killing(ctx context.Context, s *Section, every time.Duration) error {
	sc := sites.Scenario{Sites: 3, Hosts: 8, Uplink: dsl, Size: max(64, int64(every.Seconds())*4) << 20, KillEvery: every, HubDown: 10 * time.Second, Within: 10 * time.Minute}
	if b.o.Short {
		sc.Sites, sc.Hosts, sc.Size, sc.KillEvery = 2, 3, 8<<20, every*3/10
	}
	s.Title = fmt.Sprintf("%d locations of %d hosts, %d MiB over %g Mbit/s each, fetchers killed every %v, the hub away", sc.Sites, sc.Hosts,
		sc.Size>>20, dsl.Down/1e6, sc.KillEvery)
	r, err := b.distribute(ctx, s, sc)
	if r == nil {
		return err
	}
	for i, x := range r.Sites {
		s.add(fmt.Sprintf("amplification, location %d", i+1), x.Amplification, "x").should(atMost, 1.05).
			note("whole chunks %.3f; on the wire %.3f: %.1f %% are headers, acknowledgements and repeats", float64(x.Whole)/float64(sc.Size), x.OnTheWire,
				100*float64(x.Bytes-x.Payload)/float64(x.Bytes))
	}
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}} {
		s.add("completion, "+q.name, r.Quantile(q.q).Seconds(), "s")
	}
	ideal := float64(sc.Size) * 8 / dsl.Down
	s.add("of the uplinks' time", 100*ideal/r.Finished.Seconds(), "%").note("one copy at the full rate takes %.0f s", ideal)
	s.add("fetchers killed", float64(r.Kills), "")
	return nil
}

// crowd distributes to locations of more and more hosts.
func (b *bench) crowd(ctx context.Context, s *Section) error {
	sc := sites.Scenario{Sites: 1, Uplink: dsl, Size: 32 << 20, Within: 5 * time.Minute}
	counts := []int{1, 2, 4, 8, 16}
	if b.o.Short {
		sc.Size, counts = 4<<20, []int{1, 4}
	}
	s.Title = fmt.Sprintf("flash crowd: one location, %d MiB over %g Mbit/s", sc.Size>>20, dsl.Down/1e6)
	alone := 0.0
	for _, n := range counts {
		sc.Hosts = n
		r, err := b.distribute(ctx, s, sc)
		if r == nil {
			return err
		}
		last := r.Finished.Seconds()
		// All processes share this machine: what they need of it is why more hosts may take longer.
		perMiB := r.CPU.Hosts.Seconds() * 1000 / float64(n) / float64(sc.Size>>20)
		busy := 100 * (r.CPU.Hosts + r.CPU.Hub + r.CPU.Links).Seconds() / last / float64(runtime.NumCPU())
		cpu := fmt.Sprintf("%.0f CPU-ms a host and MiB; with hub and link %.0f %% of the machine", perMiB, busy)
		if n == 1 {
			alone = last
			s.add("time to the last of 1 host", last, "s").note("%s", cpu)
			continue
		}
		s.add(fmt.Sprintf("the same of %d hosts", n), 100*(last/alone-1), "% more").should(atMost, 25).
			note("%.1f s, amplification %.3f, on the wire %.3f; %s", last, r.Worst(), r.Sites[0].OnTheWire, cpu)
	}
	return nil
}

// distribute runs a scenario; where that is not possible the section says so, and it is no failure.
func (b *bench) distribute(ctx context.Context, s *Section, sc sites.Scenario) (*sites.Result, error) {
	b.say("%d locations of %d hosts, %d MiB", sc.Sites, sc.Hosts, sc.Size>>20)
	r, err := sites.Bench{Exe: b.exe, Dir: b.dir, Seed: b.o.Seed, Say: b.o.Say, CPU: usedBy}.Run(ctx, sc)
	if errors.Is(err, sites.ErrNotHere) {
		s.missing("amplification", err.Error())
		return nil, nil
	}
	return r, err
}

func usedBy(pid int) (time.Duration, error) {
	cpu, err := readCPU(pid)
	return cpu.total(), err
}
