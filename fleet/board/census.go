// SPDX-License-Identifier: Apache-2.0

package board

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/fleet/topology"
)

// World is what a board is read together with. Nothing of it is changed or kept.
type World struct {
	Directory *fleet.Directory
	Totals    *ledger.Totals
	Topology  *topology.Topology
	Contents  map[content.ID]Content // what the catalogue knows: id to created and current
}

// Census is what all tables need, sorted by name. It shares nothing with the board and is never changed.
type Census struct {
	Overview  Overview
	Locations []Location
	Contents  []Content
	Types     []Type
}

// tally is what the flows of one place come to.
type tally struct {
	hosts    Hosts
	sum      sum
	contents map[content.ID]*sum
}

// sum is what some flows come to.
type sum struct {
	flows    Flows
	progress Progress
	rate     float64
	reasons  map[string]int // of those that wait
}

// doing is the state of a flow as an operator sees it.
func doing(f pulse.Flow) string {
	if f.State != "fetching" || f.Rate > 0 || f.Reason == "fetching" || f.Reason == "storing" {
		return f.State
	}
	return "waiting"
}

func (s *sum) add(f pulse.Flow) {
	state := doing(f)
	s.flows.count(state)
	switch state {
	case "done", "failed", "cancelled":
		return
	case "waiting", "resolving", "paused":
		if s.reasons == nil {
			s.reasons = map[string]int{}
		}
		if f.Reason != "" && f.Reason != "none" {
			s.reasons[f.Reason]++
		}
	}
	s.progress.Have += f.Have
	s.progress.Size += f.Size
	s.rate += float64(f.Rate)
}

func (s *sum) merge(t *sum) {
	a, b := &s.flows, t.flows
	a.Resolving, a.Fetching, a.Waiting, a.Assembling = a.Resolving+b.Resolving, a.Fetching+b.Fetching, a.Waiting+b.Waiting, a.Assembling+b.Assembling
	a.Paused, a.Done, a.Failed, a.Cancelled = a.Paused+b.Paused, a.Done+b.Done, a.Failed+b.Failed, a.Cancelled+b.Cancelled
	s.progress.Have += t.progress.Have
	s.progress.Size += t.progress.Size
	s.rate += t.rate
	for code, n := range t.reasons {
		if s.reasons == nil {
			s.reasons = map[string]int{}
		}
		s.reasons[code] += n
	}
}

// reason is the most frequent one.
func (s *sum) reason() string {
	best := ""
	for _, code := range slices.Sorted(maps.Keys(s.reasons)) {
		if best == "" || s.reasons[code] > s.reasons[best] {
			best = code
		}
	}
	return best
}

// reckon is what the flows of a place come to, remembered until something changes.
func (p *place) reckon() *tally {
	if p.tally != nil {
		return p.tally
	}
	t := &tally{contents: map[content.ID]*sum{}}
	for _, h := range p.hosts {
		if h.silent {
			t.hosts.Silent++
			continue
		}
		t.hosts.Online++
		if h.pulse.Refuses != "" {
			t.hosts.Refusing++
		}
		open := t.sum.flows.Open()
		for _, f := range h.pulse.Flows {
			t.sum.add(f)
			if f.Content.IsZero() {
				continue
			}
			if t.contents[f.Content] == nil {
				t.contents[f.Content] = &sum{}
			}
			t.contents[f.Content].add(f)
		}
		if t.sum.flows.Open() > open {
			t.hosts.Fetching++
		}
	}
	p.tally = t
	return t
}

// Census reckons everything up.
func (b *Board) Census(now time.Time, w World) *Census {
	c := &Census{Overview: Overview{Time: now.UTC(), Waiting: []Waiting{}}}
	rows := map[string]*Location{}
	row := func(name string) *Location {
		if rows[name] == nil {
			rows[name] = &Location{Name: name, Harm: Harm{Verdict: noEvidence}}
		}
		return rows[name]
	}
	for i := range w.Topology.Locations {
		l := &w.Topology.Locations[i]
		x := row(l.Name)
		x.Region, x.Down, x.Up = l.Region, l.Down, l.Up
	}
	contents := map[content.ID]*sum{}
	waiting := map[string]map[string]int{} // flows by reason and location
	settled := b.settled(now)
	for name, p := range b.places {
		x, t := row(name), p.reckon()
		x.Hosts, x.Flows, x.Progress, x.Reason, x.Harm = t.hosts, t.sum.flows, t.sum.progress, t.sum.reason(), p.worst()
		x.Now = now3(p.trace.rates(settled))
		for id, s := range t.contents {
			if contents[id] == nil {
				contents[id] = &sum{}
			}
			contents[id].merge(s)
		}
		for code, n := range t.sum.reasons {
			if waiting[code] == nil {
				waiting[code] = map[string]int{}
			}
			waiting[code][name] += n
		}
	}
	for name, apart := range w.Directory.Divided(now) {
		row(name).Hosts.Apart = apart
	}
	books := newBooks(w)
	for name, sum := range books.places {
		x := row(name)
		x.Bytes, x.Saved, x.Amplification = sum.bytes, sum.bytes.Saved(), sum.amplification()
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		c.Locations = append(c.Locations, *rows[name])
	}
	c.contents(w, contents, books)
	c.overview(b, settled, waiting, books)
	return c
}

func now3(lan, wan, queue float64) Now {
	n := Now{LAN: lan, WAN: wan}
	if queue >= 0 {
		n.Queue = &queue
	}
	return n
}

func (c *Census) contents(w World, sums map[content.ID]*sum, books *books) {
	types := map[string]*Type{}
	for id, x := range w.Contents {
		if s := sums[id]; s != nil {
			x.Flows, x.Progress, x.Rate = s.flows, s.progress, s.rate
		}
		x.Whole, x.Part = w.Directory.Spread(id)
		if book := books.contents[id]; book != nil {
			x.Bytes, x.Saved, x.Amplification, x.Locations = book.bytes, book.bytes.Saved(), book.amplification(), book.whole
		}
		c.Contents = append(c.Contents, x)
		t := types[x.Type]
		if t == nil {
			t = &Type{Type: x.Type}
			types[x.Type] = t
		}
		all := sum{flows: t.Flows, progress: t.Progress, rate: t.Rate}
		all.merge(&sum{flows: x.Flows, progress: x.Progress, rate: x.Rate})
		t.Flows, t.Progress, t.Rate = all.flows, all.progress, all.rate
		t.Contents++
		t.Size += x.Size
		t.Whole += x.Whole
		t.Bytes.add(x.Bytes)
		t.Saved = t.Bytes.Saved()
	}
	slices.SortFunc(c.Contents, func(x, y Content) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), y.Created.Compare(x.Created), x.ID.Compare(y.ID))
	})
	for _, name := range slices.Sorted(maps.Keys(types)) {
		c.Types = append(c.Types, *types[name])
	}
}

func (c *Census) overview(b *Board, settled int64, waiting map[string]map[string]int, books *books) {
	o := &c.Overview
	all := sum{}
	o.Locations, o.Contents, o.Harm.Verdict = len(c.Locations), len(c.Contents), noEvidence
	for i := range c.Locations {
		x := &c.Locations[i]
		all.merge(&sum{flows: x.Flows, progress: x.Progress})
		o.Hosts.Online += x.Hosts.Online
		o.Hosts.Silent += x.Hosts.Silent
		o.Hosts.Fetching += x.Hosts.Fetching
		o.Hosts.Refusing += x.Hosts.Refusing
		o.Hosts.Apart += x.Hosts.Apart
		if x.Hosts.Fetching > 0 {
			o.Moving++
		}
		if x.Harm.Added == nil {
			continue
		}
		o.Measured++
		if x.Harm.Verdict == "harm" {
			o.Harmed++
		}
		if o.Harm.Added == nil || *x.Harm.Added > *o.Harm.Added {
			o.Harm, o.HarmAt = x.Harm, x.Name
		}
	}
	o.Flows, o.Progress, o.Now = all.flows, all.progress, now3(b.whole.rates(settled))
	o.Bytes, o.Saved, o.Amplification = books.all.bytes, books.all.bytes.Saved(), books.all.amplification()
	o.Waiting = causes(waiting)
}

// causes lists reasons, those with the most flows first.
func causes(by map[string]map[string]int) []Waiting {
	list := []Waiting{}
	for code, places := range by {
		x := Waiting{Reason: code, Locations: slices.Sorted(maps.Keys(places))}
		for _, n := range places {
			x.Flows += n
		}
		slices.SortStableFunc(x.Locations, func(p, q string) int { return cmp.Compare(places[q], places[p]) })
		x.More = max(len(x.Locations)-8, 0)
		x.Locations = x.Locations[:len(x.Locations)-x.More]
		list = append(list, x)
	}
	slices.SortFunc(list, func(x, y Waiting) int { return cmp.Or(cmp.Compare(y.Flows, x.Flows), cmp.Compare(x.Reason, y.Reason)) })
	return list
}
