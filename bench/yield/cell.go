// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/bench"
	"github.com/ebbproject/ebb/bench/torrent"
)

const (
	flowWithin = 30 * time.Second // bounds how long a background takes until its data flows
	flowing    = 0.1              // of the link's rate: its data flows
)

// figures are what was measured, one of each a round; those of a background that was not there are missing.
type figures struct {
	rates   map[string][]float64 // of the bulk foregrounds, bit/s
	courses map[string][]*course // theirs
	kept    map[string][]float64 // percent
	way     map[string][]float64 // seconds
	back    map[string][]float64 // seconds

	call50, call95, callLost []float64 // ms, ms, percent
	fetch50, fetch95         []float64 // ms
	used, queue95            []float64 // percent, ms
}

func newFigures() *figures {
	return &figures{rates: map[string][]float64{}, courses: map[string][]*course{}, kept: map[string][]float64{}, way: map[string][]float64{},
		back: map[string][]float64{}}
}

// A cell is one background in one scenario.
type cell struct {
	rig  *rig
	name string
	solo *figures // what the foregrounds do alone
}

// solo measures the foregrounds alone.
func (o *Options) solo(ctx context.Context, r *rig) (*figures, error) {
	f := newFigures()
	for round := range o.Rounds {
		o.say("%s: nothing, round %d of %d", r.scenario.Name, round+1, o.Rounds)
		for _, control := range bulks {
			c, err := bulk(ctx, r, control, o.Times.Bulk)
			if err != nil {
				return nil, err
			}
			f.courses[control] = append(f.courses[control], c)
			f.rates[control] = append(f.rates[control], c.rate(o.Times.Bulk))
			if err := bench.Wait(ctx, time.Second); err != nil { // for the buffer to drain
				return nil, err
			}
		}
		if err := o.light(ctx, r, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// light measures the foregrounds that ask for little.
func (o *Options) light(ctx context.Context, r *rig, f *figures) error {
	t, err := call(ctx, r, o.Times.Light)
	if err != nil {
		return fmt.Errorf("the call: %w", err)
	}
	f.talked(t)
	if err := bench.Wait(ctx, o.Times.Rest); err != nil {
		return err
	}
	took, err := fetches(ctx, r, o.Times.Light)
	if err != nil {
		return fmt.Errorf("the fetches: %w", err)
	}
	f.fetched(took)
	return bench.Wait(ctx, o.Times.Rest)
}

func (f *figures) talked(t talk) {
	f.call50 = append(f.call50, quantile(t.delays, 0.5))
	f.call95 = append(f.call95, quantile(t.delays, 0.95))
	f.callLost = append(f.callLost, 100*(1-float64(len(t.delays))/float64(t.sent)))
}

func (f *figures) fetched(took []float64) {
	f.fetch50 = append(f.fetch50, quantile(took, 0.5))
	f.fetch95 = append(f.fetch95, quantile(took, 0.95))
}

// cell measures a background, chain by chain.
func (o *Options) cell(ctx context.Context, c cell) (row Row) {
	f := newFigures()
	b, err := newBackground(o, c.name)
	if err == nil {
		err = b.prepare(ctx, c.rig)
	}
	for round := 0; err == nil && round < o.Rounds; round++ {
		o.say("%s: %s, round %d of %d", c.rig.scenario.Name, c.name, round+1, o.Rounds)
		err = o.chain(ctx, c, b, f)
		err = errors.Join(err, b.stop(), bench.Wait(ctx, time.Second))
	}
	if b != nil {
		err = errors.Join(err, b.close())
	}
	row = f.row(c.name)
	switch {
	case errors.Is(err, errNotInstalled), errors.Is(err, torrent.ErrNotInstalled):
		row = Row{Background: c.name, Missing: err.Error()}
	case err != nil:
		row.Problem = err.Error()
		o.say("%s: %s: %v", c.rig.scenario.Name, c.name, err)
	}
	return row
}

// A visit is the stay of a bulk foreground.
type visit struct {
	control string
	course  *course
	left    time.Time
}

// chain is one course of a cell.
func (o *Options) chain(ctx context.Context, c cell, b background, f *figures) error {
	if err := b.start(ctx); err != nil {
		return err
	}
	flows, err := c.flows(ctx)
	if err != nil {
		return err
	}
	if err := bench.Wait(ctx, time.Until(flows.Add(o.Times.Warm+o.Times.Alone))); err != nil {
		return err
	}
	var visits []visit
	for _, control := range bulks {
		x, err := bulk(ctx, c.rig, control, o.Times.Bulk)
		if err != nil {
			return err
		}
		visits = append(visits, visit{control, x, time.Now()})
		if err := bench.Wait(ctx, o.Times.Back); err != nil {
			return err
		}
	}
	if err := o.light(ctx, c.rig, f); err != nil {
		return err
	}
	log, err := c.rig.readings()
	if err != nil {
		return err
	}
	o.measure(f, c.solo, played{c.rig.scenario, log, flows, visits})
	return nil
}

// played is a chain that is over.
type played struct {
	scenario Scenario
	log      readings
	flows    time.Time // since when the background's data does
	visits   []visit
}

// measure enters what a chain shows, but for the foregrounds that ask for little.
func (o *Options) measure(f, solo *figures, p played) {
	alone := p.log.between(p.flows.Add(o.Times.Warm), p.flows.Add(o.Times.Warm+o.Times.Alone))
	f.used = append(f.used, 100*alone.rate()/p.scenario.Rate)
	f.queue95 = append(f.queue95, quantile(alone.queues(), 0.95))
	for _, v := range p.visits {
		rate := v.course.rate(o.Times.Bulk)
		f.rates[v.control] = append(f.rates[v.control], rate)
		f.kept[v.control] = append(f.kept[v.control], 100*rate/median(solo.rates[v.control]))
		f.way[v.control] = append(f.way[v.control], gaveWay(v.course, solo.courses[v.control], o.Times.Bulk).Seconds())
		f.back[v.control] = append(f.back[v.control], p.log.back(v.left, o.Times.Back, p.scenario.Rate).Seconds())
	}
}

// flows waits until the background's data does, and says since when.
func (c cell) flows(ctx context.Context) (time.Time, error) {
	began := time.Now()
	for time.Since(began) < flowWithin {
		if err := bench.Wait(ctx, 2*step); err != nil {
			return time.Time{}, err
		}
		log, err := c.rig.readings()
		if err != nil {
			return time.Time{}, err
		}
		now := time.Now()
		if log.between(now.Add(-2*step), now).rate() > flowing*c.rig.scenario.Rate {
			return now.Add(-2 * step), nil
		}
	}
	return time.Time{}, fmt.Errorf("after %v it does not use %.0f %% of the link", flowWithin, 100*flowing)
}

func median(values []float64) float64 { return quantile(values, 0.5) }
