// SPDX-License-Identifier: Apache-2.0

package site

import (
	"cmp"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/fleet/week"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/lane"
)

// Fleet is what all locations of a scenario have in common: when hours end and windows open, in each zone. It is not changed once made.
type Fleet struct {
	Scenario *plan.Scenario
	Seed     uint64

	zones   []*time.Location // of each region
	hours   [][]Hour         // of each region
	online  []flips          // of each class
	windows [][]flips        // of each order, in each region
}

// Hour is the hour of the week that begins at a moment.
type Hour struct {
	At   time.Duration // since Scenario.Start; the first began before
	Week int           // 0..167, from Monday 00:00
}

// flips are the moments at which something opens or closes in turn.
type flips struct {
	open bool // at the beginning
	at   []time.Duration
}

// New prepares a scenario for one seed.
func New(s *plan.Scenario, seed uint64) *Fleet {
	f := &Fleet{Scenario: s, Seed: seed}
	for _, r := range s.Regions {
		zone := r.Zone
		if zone == nil {
			zone = s.Start.Location()
		}
		f.zones = append(f.zones, zone)
		f.hours = append(f.hours, hoursOf(s.Start.In(zone), s.Horizon))
	}
	for _, c := range s.Classes {
		f.online = append(f.online, flipsOf(c.Hosts.Online, s.Start.In(f.zones[c.Region]), s.Horizon))
	}
	for _, o := range s.Orders {
		list := make([]flips, len(f.zones))
		for i, zone := range f.zones {
			list[i] = flipsOf(o.Window, s.Start.In(zone), s.Horizon)
		}
		f.windows = append(f.windows, list)
	}
	return f
}

// hoursOf are the hours that the wall clock shows from start on.
func hoursOf(start time.Time, horizon time.Duration) []Hour {
	var list []Hour
	for at := time.Duration(0); at < horizon; {
		t := start.Add(at)
		list = append(list, Hour{at, week.Hour(t)})
		at += time.Hour - time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond())
	}
	return list
}

func flipsOf(w window.Window, start time.Time, horizon time.Duration) flips {
	f := flips{open: w.Open(start)}
	if w.IsZero() {
		return f
	}
	for t := w.Next(start); !t.IsZero() && t.Sub(start) < horizon; t = w.Next(t) {
		f.at = append(f.at, t.Sub(start))
	}
	return f
}

// Hours are those of a class's clocks.
func (f *Fleet) Hours(class int) []Hour { return f.hours[f.Scenario.Classes[class].Region] }

// Hour is the one that a class's clocks show at a moment, and when it ends. Before the beginning it is the first.
func (f *Fleet) Hour(class int, at time.Duration) (h Hour, end time.Duration) {
	hours := f.Hours(class)
	i, found := slices.BinarySearchFunc(hours, at, func(h Hour, at time.Duration) int { return cmp.Compare(h.At, at) })
	if !found && i > 0 {
		i--
	}
	if i+1 < len(hours) {
		return hours[i], hours[i+1].At
	}
	return hours[i], f.Scenario.Horizon
}

// Foreground is what is on a location's link beside us.
func (f *Fleet) Foreground(l *Location) lane.Foreground {
	load := func(at time.Duration) float64 {
		h, _ := f.Hour(l.Class, at)
		return l.Loads[h.Week]
	}
	return lane.Foreground{Rate: l.Link.Down, Seed: f.Traffic(l, 0), Load: load, Until: f.Scenario.Horizon}
}

// Common are the moments at which something changes for many locations at once, not in order.
func (f *Fleet) Common() []time.Duration {
	list := []time.Duration{0}
	for _, h := range f.hours {
		for _, x := range h {
			list = append(list, x.At)
		}
	}
	for _, x := range f.online {
		list = append(list, x.at...)
	}
	for i, o := range f.Scenario.Orders {
		list = append(list, o.At)
		for _, x := range f.windows[i] {
			list = append(list, x.at...)
		}
	}
	for _, e := range f.Scenario.Events {
		list = append(list, e.At, e.At+e.For)
	}
	return list
}
