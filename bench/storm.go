// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/bench/beside"
)

const (
	stormDown   = 5 * time.Second // for which the hub is gone
	stormWithin = 6 * time.Minute
	stormStep   = 500 * time.Millisecond // at which the hub's CPU is read
	// goalBack is when all are back, in seconds: who tries in vain waits for up to 30 before he tries again.
	goalBack = 40
)

// storm kills the hub of many hosts and looks how they come back.
func (b *bench) storm(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("a hub of %d hosts is killed and comes back %v later: how they come back", b.o.Storm, stormDown)
	f, err := b.newFleet(ctx, "storm", 1<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	port, err := freeAddress()
	if err != nil {
		return err
	}
	if err := f.restart(ctx, "--bus", port); err != nil {
		return err
	}
	g, err := b.gather(ctx, f, b.o.Storm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.leave()) }()
	if err := errors.Join(Wait(ctx, stormDown), g.order(beside.Order{Watch: true})); err != nil {
		return err
	}
	b.say("storm, the hub is killed")
	if err := f.source.Kill(); err != nil {
		return err
	}
	if err := Wait(ctx, stormDown); err != nil {
		return err
	}
	g.forget()
	if err := f.restart(ctx, "--bus", port); err != nil {
		return err
	}
	begin := time.Now()
	b.say("storm, the hub is back")
	load := make(chan []float64, 1)
	looking, enough := context.WithCancel(ctx)
	defer enough()
	go func() { load <- f.load(looking) }()
	err = g.await(ctx, stormWithin, func() (bool, string) {
		return len(g.up) == g.guests && len(g.synced) == g.guests, fmt.Sprintf("%d are on the bus and %d have exchanged news", len(g.up), len(g.synced))
	})
	enough()
	if err != nil {
		return err
	}
	peak, err := readPeak(f.source.PID())
	up, synced := g.firsts(begin)
	busy := <-load
	s.add("back on the bus, median", median(up), "s").note("tries are spread over 10 s, then 5 to 30")
	s.add("back on the bus, p99", p99(up), "s")
	s.add("back on the bus and with the news, all", max(up[len(up)-1], synced[len(synced)-1]), "s").should(atMost, goalBack)
	s.add("onto the bus, most", most(up), "in a second")
	s.add("first news, most", most(synced), "in a second")
	s.add("hub, CPU until all are back, most", slices.Max(busy), "% of a core").note("in %v", stormStep)
	s.add("hub, resident, most", mebibytes(peak), "MiB")
	return err
}

// forget drops who came back before.
func (g *gathering) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.up)
	clear(g.synced)
}

// firsts are the seconds after which each guest was on the bus and had the news, sorted.
func (g *gathering) firsts(begin time.Time) (up, synced []float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, x := range g.up {
		up = append(up, x[0].Sub(begin).Seconds())
	}
	for _, x := range g.synced {
		synced = append(synced, x[0].Sub(begin).Seconds())
	}
	slices.Sort(up)
	slices.Sort(synced)
	return up, synced
}

// most is how many fall into one second at most, of sorted seconds.
func most(sorted []float64) (n float64) {
	first := 0
	for i, t := range sorted {
		for sorted[first] <= t-1 {
			first++
		}
		n = max(n, float64(i-first+1))
	}
	return n
}

// load is how much of a core, in %, the hub used in each step until ctx ends.
func (f *fleet) load(ctx context.Context) (steps []float64) {
	steps = []float64{0}
	for ctx.Err() == nil {
		x, err := f.watched(func() error { return Wait(ctx, stormStep) })
		if err != nil {
			break
		}
		steps = append(steps, x)
	}
	return steps
}
