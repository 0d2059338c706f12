// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/flow"
	"github.com/ebbproject/ebb/sim/plan/report"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

// player plays scenarios on all cores.
type player struct {
	scenario *plan.Scenario
	workers  int
	packet   bool // every datagram
	table    *yield.Table
	bar      *bar
}

// job is one replica of a scenario.
type job struct {
	scenario *plan.Scenario
	seed     uint64
	outcome  plan.Outcome
	whole    bool // it was played to its end
}

func newPlayer(f *planFlags, s *plan.Scenario) (*player, error) {
	p := &player{scenario: s, workers: f.workers, table: &yield.Table{}}
	return p, nil
}

// made is where what it plays comes from.
func (p *player) made() report.Provenance {
	return report.Provenance{Fidelity: "flow"}
}

func (p *player) jobs(s *plan.Scenario) (list []*job) {
	for _, seed := range s.Seeds {
		list = append(list, &job{scenario: s, seed: seed})
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
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if ctx.Err() == nil {
				p.flow(ctx, j, within)
			}
			return nil
		})
	}
	return g.Wait()
}

// flow plays a replica at flow level with so many workers.
func (p *player) flow(ctx context.Context, j *job, workers int) {
	run := flow.New(j.scenario, j.seed, p.table, workers)
	known := 0.0
	for again := true; again && ctx.Err() == nil; {
		var parts sync.WaitGroup
		for i := range workers {
			parts.Go(func() { run.Advance(i) })
		}
		parts.Wait()
		again = run.Meet()
		j.whole = !again
		now := run.Progress()
		p.bar.done(now - known)
		known = now
	}
	p.bar.done(1 - known)
	j.outcome = run.Outcome()
}

// measure plays some locations at packet level, too, and enters the error of the flow level.
func (p *player) measure(ctx context.Context, r *report.Report, base []*job) error {
	return nil
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
	text := fmt.Sprintf("%3.0f %%, %.0f of %.0f replicas, about %s left", 100*share, b.is, b.all, left.Round(time.Second))
	if b.terminal {
		const width = 24
		full := int(share * width)
		fmt.Fprintf(b.w, "\r\x1b[K[%s%s] %s", strings.Repeat("#", full), strings.Repeat(" ", width-full), text)
	} else {
		fmt.Fprintln(b.w, text)
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
