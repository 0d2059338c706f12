// SPDX-License-Identifier: Apache-2.0

package site

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
)

// What a datagram of ours is, in bytes: on the wire of an IPv4 network, and of that content. The difference is IP, UDP, seal, shim and the
// headers of SCTP, as package carrier has them.
const (
	Datagram = 1440 + 28
	Payload  = 1376
)

// Efficiency is how much of what crosses a link is content.
const Efficiency = float64(Payload) / Datagram

// Tally is what is counted of a location's link.
type Tally struct {
	hours []int64 // bytes on the wire, by hour since Scenario.Start
	part  float64 // of a byte, not yet counted
	delay [delayBins]float64
	// Added, if it is not 0, is the delay that the foreground was measured to have met because of us, p95.
	Added time.Duration
}

// Crossed enters that content came in evenly between two moments of one hour.
func (t *Tally) Crossed(from time.Duration, content float64) {
	hour := int(from / time.Hour)
	for len(t.hours) <= hour {
		t.hours = append(t.hours, 0)
	}
	whole, part := math.Modf(content/Efficiency + t.part)
	t.hours[hour] += int64(whole)
	t.part = part
}

// Delays are counted in bins, each a tenth wider than the one before, from 10 microseconds on.
const (
	delayBins  = 160
	firstDelay = 1e-5
	binRatio   = 1.1
)

var delayEdges = func() (edges [delayBins]float64) {
	at := firstDelay
	for i := range edges {
		edges[i] = at
		at *= binRatio
	}
	return edges
}()

// Delayed enters that the foreground met so much more delay for so many seconds.
func (t *Tally) Delayed(d time.Duration, seconds float64) {
	i, _ := slices.BinarySearch(delayEdges[:], d.Seconds())
	t.delay[min(i, delayBins-1)] += seconds
}

// delayed is the longest delay of the best 95 % of the time.
func (t *Tally) delayed() time.Duration {
	if t.Added != 0 {
		return t.Added
	}
	all := 0.0
	for _, s := range t.delay {
		all += s
	}
	sum := 0.0
	for i, s := range t.delay {
		if sum += s; all > 0 && sum >= .95*all {
			if i == 0 {
				return 0
			}
			return time.Duration(delayEdges[i] * 1e9)
		}
	}
	return 0
}

// last is when the last host of a job was complete, since its order; plan.Never.
func last(j *job) time.Duration {
	if len(j.done) < j.hosts {
		return plan.Never
	}
	return j.done[len(j.done)-1]
}

// place is what came of a location.
func (l *Location) place(orders int) plan.Place {
	p := plan.Place{Class: l.Class, Index: l.Index, Hosts: l.Hosts, Down: plan.Rate(l.Link.Down), RTT: l.Link.RTT, Reason: l.reason(), Delay: l.Tally.delayed()}
	for i := range orders {
		at := time.Duration(-1)
		if j := l.orderOf(i); j != nil {
			at = last(j)
			p.WAN += j.bytes()
		}
		p.Done = append(p.Done, at)
	}
	for _, b := range l.Tally.hours {
		p.Busiest = max(p.Busiest, float64(b)*8/3600/l.Link.Down)
	}
	return p
}

// use adds to each hour since Scenario.Start how this location's link was used in it.
func (l *Location) use(clock []Hour, hours []plan.HourUse) {
	for h := range hours {
		from := time.Duration(h) * time.Hour
		to := min(from+time.Hour, l.end)
		u := &hours[h]
		can := l.Link.Down / 8
		capacity := int64(can * (to - from).Seconds())
		var ours, others int64
		for len(clock) > 1 && clock[1].At <= from {
			clock = clock[1:]
		}
		for i := 0; i < len(clock) && clock[i].At < to; i++ {
			a, b := max(clock[i].At, from), to
			if i+1 < len(clock) {
				b = min(b, clock[i+1].At)
			}
			others += int64(float64(can*l.Loads[clock[i].Week]) * (b - a).Seconds())
		}
		if h < len(l.Tally.hours) {
			ours = l.Tally.hours[h]
			others = max(min(others, capacity-ours), 0) // by chance it asked for less than its load
			u.Peak = max(u.Peak, float64(ours)/float64(can*3600))
		}
		u.Capacity, u.Ebb, u.Foreground = u.Capacity+capacity, u.Ebb+ours, u.Foreground+others
	}
}
