// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/flow"
	"github.com/ebbproject/ebb/sim/plan/packet"
	"github.com/ebbproject/ebb/sim/plan/planfile"
	"github.com/ebbproject/ebb/sim/plan/report"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

// player plays scenarios on all cores.
type player struct {
	scenario *plan.Scenario
	workers  int
	packet   bool // every datagram, instead of bytes as a fluid
	table    *yield.Table
	bar      *bar
}

// engine plays one replica in parts, each of which one worker may Advance; then they Meet, until Meet says false.
type engine interface {
	Advance(part int)
	Meet() bool
	Progress() float64
	Outcome() plan.Outcome
}

// job is one replica of a scenario.
type job struct {
	scenario *plan.Scenario
	seed     uint64
	packet   bool
	outcome  plan.Outcome
	whole    bool // it was played to its end
}

// atPacket is how many datagrams a plan may take for auto to play each of them, all seeds together, and toCheck how many those take that are played to
// measure the error of the flow level: some seconds each.
const (
	atPacket = 300_000
	toCheck  = 400_000
	checked  = 20 // locations
)

func newPlayer(f *planFlags, s *plan.Scenario, w io.Writer) (*player, error) {
	table, err := yield.Shipped()
	if err != nil {
		return nil, err
	}
	p := &player{scenario: s, workers: f.workers, table: table, packet: f.fidelity == "packet"}
	shared := s.Origin > 0 || slices.ContainsFunc(s.Regions, func(r plan.Region) bool { return r.Link > 0 })
	if p.packet && shared {
		fmt.Fprintln(w, "note: at packet level each location is alone: the limits of the origin and of regions are not played")
	}
	if f.fidelity == "auto" && !shared && planfile.NeedOf(*s).Hosts < 1000 {
		crossed := int64(0)
		for _, x := range flow.Play(s, s.Seeds[0], table).Places {
			crossed += x.WAN
		}
		p.packet = crossed/datagram*int64(len(s.Seeds)) <= atPacket
	}
	return p, nil
}

// datagram is about what one carries, in bytes.
const datagram = 1200

// made is where what it plays comes from.
func (p *player) made() report.Provenance {
	if p.packet {
		return report.Provenance{Fidelity: "packet"}
	}
	m := report.Provenance{Fidelity: "flow", Stale: p.table.Stale(p.scenario.Controller)}
	for _, x := range p.table.Prints {
		if x.Controller == p.scenario.Controller {
			m.Calibration = x.Hash
		}
	}
	return m
}

func (p *player) jobs(s *plan.Scenario) (list []*job) {
	for _, seed := range s.Seeds {
		list = append(list, &job{scenario: s, seed: seed, packet: p.packet})
	}
	return list
}

// play plays all, several at a time. When the user has enough, those that are being played end where they are, and that is no error.
func (p *player) play(ctx context.Context, list []*job) error {
	p.bar.more(len(list))
	var g errgroup.Group
	g.SetLimit(p.workers)
	within := max(p.workers/len(list), 1)
	for _, j := range list {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			return p.one(ctx, j, within)
		})
	}
	return g.Wait()
}

// one plays a replica with so many workers.
func (p *player) one(ctx context.Context, j *job, workers int) error {
	run := engine(nil)
	if j.packet {
		r, err := packet.New(j.scenario, j.seed, workers)
		if err != nil {
			return err
		}
		run = r
	} else {
		run = flow.New(j.scenario, j.seed, p.table, workers)
	}
	known := 0.0
	for again := true; again && ctx.Err() == nil; {
		met := make(chan struct{})
		go func() {
			var parts sync.WaitGroup
			for i := range workers {
				parts.Go(func() { run.Advance(i) })
			}
			parts.Wait()
			close(met)
		}()
		select {
		case <-met:
		case <-ctx.Done():
			if j.packet { // a location at packet level may take minutes and cannot be stopped; the process ends with it
				return nil
			}
			<-met
		}
		again = run.Meet()
		j.whole = !again
		now := run.Progress()
		p.bar.done(now - known)
		known = now
		if j.packet {
			j.outcome = run.Outcome()
		}
	}
	p.bar.done(1 - known)
	j.outcome = run.Outcome()
	return nil
}

// measure plays some locations of the first replica at both levels, with contents made smaller where they would take long, and enters how far apart
// they are.
func (p *player) measure(ctx context.Context, r *report.Report, base []*job) error {
	if p.packet || ctx.Err() != nil || !base[0].whole {
		return nil
	}
	some := packet.Cut(p.scenario, packet.Stratify(base[0].outcome, checked), toCheck)
	picks := affordable(flow.Play(some, base[0].seed, p.table).Places)
	for i := range some.Classes {
		some.Classes[i].Only = []int{}
		for _, x := range picks {
			if x.Class == i {
				some.Classes[i].Only = append(some.Classes[i].Only, x.Index)
			}
		}
	}
	if len(picks) == 0 {
		return nil
	}
	both := []*job{{scenario: some, seed: base[0].seed}, {scenario: some, seed: base[0].seed, packet: true}}
	if err := p.play(ctx, both); err != nil {
		return err
	}
	if e := packet.Compare(both[0].outcome, both[1].outcome); both[1].whole && e.Places > 0 {
		r.Made.Check = &report.Check{Locations: len(picks), Median: e.Median, P95: e.P95, Worst: e.Worst, WAN: e.WAN, Differ: e.Differ}
	}
	return nil
}

// affordable leaves out locations that are never complete, and the fastest links if all together would take more datagrams than can be played in some
// seconds: those of the foreground count, too.
func affordable(places []plan.Place) []plan.Place {
	const most = 12_000_000
	var list []plan.Place
	for _, x := range places {
		if x.WAN > 0 && !slices.Contains(x.Done, plan.Never) {
			list = append(list, x)
		}
	}
	cost := func(x plan.Place) float64 { return float64(x.WAN)/400 + 5*float64(x.Down)/(8*1500) }
	slices.SortStableFunc(list, func(a, b plan.Place) int { return cmp.Compare(cost(a), cost(b)) })
	sum := 0.0
	for i, x := range list {
		if sum += cost(x); sum > most {
			list = list[:i]
			break
		}
	}
	slices.SortFunc(list, func(a, b plan.Place) int { return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Index, b.Index)) })
	return list
}

// bar shows how far all is and what remains: a line that changes on a terminal, a line every ten seconds elsewhere.
type bar struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	begun    time.Time
	shown    time.Time
	all, is  float64
}

func newBar(w io.Writer) *bar {
	now := time.Now()
	return &bar{w: w, terminal: isTerminal(w), begun: now, shown: now}
}

// more is to be done.
func (b *bar) more(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all += float64(n)
}

// done: a part of one is.
func (b *bar) done(part float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.is += part
	now := time.Now()
	every := plainEvery
	if b.terminal {
		every = lookEvery
	}
	if now.Sub(b.shown) < every || b.is <= 0 {
		return
	}
	b.shown = now
	share := min(b.is/b.all, 1)
	left := time.Duration(float64(now.Sub(b.begun)) * (1 - share) / share)
	text := fmt.Sprintf("%.0f of %.0f replicas, about %s left", b.is, b.all, left.Round(time.Second))
	if b.terminal {
		fmt.Fprintf(b.w, "\r\x1b[K%s %s", drawBar(int64(1000*share), 1000, 24), text)
	} else {
		fmt.Fprintf(b.w, "%3.0f %%, %s\n", 100*share, text)
	}
}

// end takes the line away.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
