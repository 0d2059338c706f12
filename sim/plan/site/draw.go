// SPDX-License-Identifier: Apache-2.0

package site

import (
	"math"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
)

// What is drawn for a location, each from a stream of its own; what is drawn for a content or an event has its number above bit 32.
const (
	forLink plan.Purpose = 1 + iota
	forHosts
	forHeld
	forSway
	forCache
	forTraffic
	forEvents
)

// Link is a location's WAN link, as drawn.
type Link struct {
	Down, Up    float64 // bits a second; with a trace its mean
	RTT, Buffer time.Duration
	Loss        float64
	AQM         string
	Trace       *plan.Trace
}

// Limits of what distributions may give: a link that no packet passes, or a queue of an hour, is a mistake of the distribution's tail.
const (
	slowest       = 1e3 // bits a second
	longestRTT    = 3.0 // seconds
	longestBuffer = 5.0 // seconds
	mostLoss      = .5
)

func (f *Fleet) drawLink(class, index int) Link {
	c := f.Scenario.Classes[class].Link
	r := plan.Stream(f.Seed, class, index, forLink)
	seconds := func(d plan.Dist, most float64) time.Duration {
		return time.Duration(math.Round(min(max(d.Draw(r), 0), most) * 1e9))
	}
	l := Link{AQM: c.AQM, Trace: c.Trace}
	l.Down, l.Up = max(c.Down.Draw(r), slowest), max(c.Up.Draw(r), slowest)
	l.RTT, l.Buffer = seconds(c.RTT, longestRTT), seconds(c.Buffer, longestBuffer)
	l.Loss = min(max(c.Loss.Draw(r), 0), mostLoss)
	if t := c.Trace; t != nil {
		sum := 0.0
		for _, x := range t.Rates {
			sum += float64(x)
		}
		l.Down = max(sum/float64(len(t.Rates)), slowest)
		if c.Up.Kind == plan.Fixed && c.Up.A == 0 {
			l.Up = l.Down
		}
	}
	return l
}

// mostHosts bounds what a distribution may give.
const mostHosts = 1e6

func (f *Fleet) drawHosts(class, index int) int {
	r := plan.Stream(f.Seed, class, index, forHosts)
	return int(min(max(math.Round(f.Scenario.Classes[class].Hosts.Count.Draw(r)), 1), mostHosts))
}

// Traffic is a seed for what is on a location's link: number 0 for the foreground, from 1 on for all else in each conversation.
func (f *Fleet) Traffic(l *Location, number uint64) uint64 {
	return plan.Stream(f.Seed, l.Class, l.Index, forTraffic|plan.Purpose(number)<<32).Uint64() % 1e12
}

// drawLoads is how busy the foreground keeps the link in each hour of the week.
func (f *Fleet) drawLoads(class, index int) (load [7 * 24]float64) {
	p := f.Scenario.Classes[class].Profile
	factor := 1.0
	if p.Sway > 0 {
		r := plan.Stream(f.Seed, class, index, forSway)
		factor = max(0, 1+float64(p.Sway*r.NormFloat64()))
	}
	for i, x := range p.Load {
		load[i] = min(max(float64(x*factor), 0), 1)
	}
	return load
}

// drawEvents are the changes that befall this location alone, or with others, in no order.
func (l *Location) drawEvents(f *Fleet) {
	for k, e := range f.Scenario.Events {
		r := plan.Stream(f.Seed, l.Class, l.Index, forEvents|plan.Purpose(k)<<32)
		if !concerns(e.To, l.Class) || e.Share < 1 && r.Float64() >= e.Share {
			continue
		}
		switch e.Kind {
		case plan.LinkDown:
			l.during(e, change{kind: linkCut})
		case plan.HubDown:
			l.during(e, change{kind: hubAway})
		case plan.Pause:
			l.during(e, change{kind: paused, arg: e.Content})
		case plan.PowerCut:
			l.during(e, change{kind: dark})
		case plan.Reboot:
			for range l.Hosts {
				at := e.At + time.Duration(r.Int64N(int64(max(e.For, 1))))
				l.during(plan.Event{At: at, For: e.Down}, change{kind: rebooting})
			}
		}
	}
}

func (l *Location) during(e plan.Event, c change) {
	c.at, c.by = e.At, 1
	l.changes = append(l.changes, c)
	c.at, c.by = e.At+e.For, -1
	l.changes = append(l.changes, c)
}

// concerns says whether a list of classes, empty for all, has one.
func concerns(list []int, class int) bool {
	for _, x := range list {
		if x == class {
			return true
		}
	}
	return len(list) == 0
}
