// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ebbproject/ebb/bench/beside"
	"github.com/ebbproject/ebb/fleet/desired"
)

const (
	controlRest     = 30 * time.Second // for which the hub is watched at rest
	controlArrive   = 45 * time.Second // in which hosts hear of their neighbours and find into one beat
	controlSettle   = 15 * time.Second // in which it hears that all fetch, and all hear how often they should report
	controlCommands = 6
	// The goals of a hub with 2,000 hosts.
	goalReach  = 2   // seconds, p99
	goalHubMiB = 500 // resident
	goalHubCPU = 10  // % of a core at rest
)

// control lets many guests join a hub that is measured alone, and pauses all: with pushes, and without.
func (b *bench) control(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("one hub alone, %d hosts in %d locations in other processes: at rest, and pausing all", b.o.Guests, controlSites)
	f, err := b.newFleet(ctx, "control", 1<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	g, err := b.gather(ctx, f, b.o.Guests)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.leave()) }()
	arrive, rest, settle := controlArrive, controlRest, controlSettle
	if b.o.Short {
		arrive, rest, settle = controlArrive/9, controlRest/6, controlSettle/3
	}
	if err := Wait(ctx, arrive); err != nil { // what came with enrolling is done
		return err
	}
	forgetPeak(f.source.PID())
	b.say("control, at rest")
	if err := g.order(beside.Order{Watch: true}); err != nil {
		return err
	}
	asked, synced := g.count(beside.Asked), g.count(beside.Synced)
	cpu, err := f.watched(func() error { return Wait(ctx, rest) })
	if err != nil {
		return err
	}
	s.add("hub, CPU at rest", cpu, "% of a core").should(atMost, goalHubCPU)
	s.add("hub, reports at rest", float64(g.count(beside.Synced)-synced)/rest.Seconds(), "a second")
	s.add("hub, questions at rest", float64(g.count(beside.Asked)-asked)/rest.Seconds(), "a second").note("the reports of a location, or what one host compares every minute")
	b.say("control, pausing all")
	var took []float64
	begin := time.Now()
	cpu, err = f.watched(func() error {
		took, err = g.reachAll(ctx)
		return err
	})
	if err != nil {
		return err
	}
	a := cpu / 100 * time.Since(begin).Seconds() / controlCommands
	s.add("from the command to a host, median", median(took), "s").note("%d commands, verified and obeyed there", controlCommands)
	s.add("from the command to a host, p99", p99(took), "s").should(atMost, goalReach)
	s.add("from the command to a host, longest", took[len(took)-1], "s")
	s.add("hub, CPU while pausing and resuming", cpu, "% of a core").note("the quicker hosts take a command, the more")
	s.add("hub, CPU time of a command", 1e3*a, "ms")
	if err := b.swallowed(ctx, s, g, settle); err != nil {
		return err
	}
	peak, err := readPeak(f.source.PID())
	s.add("hub, resident, most", mebibytes(peak), "MiB").should(atMost, goalHubMiB)
	return err
}

// swallowed lets all guests fetch what nobody has and pauses them while the bus carries nothing.
func (b *bench) swallowed(ctx context.Context, s *Section, g *gathering, settle time.Duration) error {
	b.say("control, all fetch, and the bus is deaf")
	if err := g.order(beside.Order{Fetch: g.fleet.name, Deaf: true}); err != nil {
		return err
	}
	if err := Wait(ctx, settle); err != nil {
		return err
	}
	cpu, err := g.fleet.watched(func() error { return Wait(ctx, settle) })
	if err != nil {
		return err
	}
	s.add("hub, CPU while all fetch", cpu, "% of a core")
	rounds := 2
	if b.o.Short {
		rounds = 1
	}
	rnd := rand.New(rand.NewPCG(b.o.Seed, 0x64656166))
	var took []float64
	for i := range rounds {
		b.say("control, pausing all without a push, round %d of %d", i+1, rounds)
		if err := Wait(ctx, time.Duration(rnd.Int64N(int64(3*time.Second)))); err != nil {
			return err
		}
		x, err := g.give(ctx, desired.Command{Verb: desired.DoPause})
		if err != nil {
			return err
		}
		t, err := g.took(ctx, []given{x}, true)
		if err != nil {
			return err
		}
		took = append(took, t...)
		if x, err = g.give(ctx, desired.Command{Verb: desired.DoResume}); err == nil {
			_, err = g.took(ctx, []given{x}, false)
		}
		if err != nil {
			return err
		}
	}
	return addSwallowed(s, took, rounds)
}

func addSwallowed(s *Section, took []float64, rounds int) error {
	slowest := 0.0
	sum := 0.0
	for _, t := range took {
		slowest, sum = max(slowest, t), sum+t
	}
	s.add("push swallowed, all fetching, mean", sum/float64(len(took)), "s").note("%d rounds; flows stand still there", rounds)
	s.add("push swallowed, all fetching, longest", slowest, "s").should(atMost, goalSwallowed)
	return nil
}

// reachAll pauses and resumes the fleet and says how long each command took to each guest, in seconds and sorted.
func (g *gathering) reachAll(ctx context.Context) ([]float64, error) {
	var all []given
	for i := range controlCommands {
		x, err := g.give(ctx, desired.Command{Verb: []desired.Verb{desired.DoPause, desired.DoResume}[i%2]})
		if err != nil {
			return nil, err
		}
		all = append(all, x)
		if _, err := g.took(ctx, []given{x}, false); err != nil { // before the next takes its place
			return nil, err
		}
	}
	return g.took(ctx, all, false)
}

// watched is how much of a core, in %, the hub used while something was done.
func (f *fleet) watched(do func() error) (float64, error) {
	before, err := readCPU(f.source.PID())
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := do(); err != nil {
		return 0, err
	}
	after, err := readCPU(f.source.PID())
	return 100 * after.less(before).total().Seconds() / time.Since(begin).Seconds(), err
}

// Wait lets that time pass, or says why the context ended before.
func Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
