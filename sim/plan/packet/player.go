// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/lane"
	"github.com/ebbproject/ebb/sim/plan/site"
)

// player plays one location.
type player struct {
	*site.Location
	fleet  *site.Fleet
	with   *lane.Lane // its link; nil: nobody fetches
	alone  *lane.Lane // the same without us
	began  time.Duration
	lanes  uint64
	events uint64

	waits, others []time.Duration // in front of the link, with us and without
}

// pause is how long a location may want nothing and go on with the same conversation.
const pause = time.Second

func (p *player) play(horizon time.Duration) {
	idle := time.Duration(0)
	for p.Now() < horizon && !p.Done() {
		now := p.Now()
		if !p.Wanting() {
			p.Advance(horizon, site.Supply{})
			if idle += p.Now() - now; idle > pause {
				p.end()
			}
			continue
		}
		idle = 0
		p.fetch(min(now+step, horizon))
	}
	p.end()
	if len(p.waits) > 0 {
		p.Tally.Added = max(p95(p.waits)-p95(p.others), time.Nanosecond)
	}
}

// fetch lets the link bring what it does up to a moment.
func (p *player) fetch(to time.Duration) {
	to = min(to, p.Now().Truncate(time.Hour)+time.Hour)
	if p.with == nil {
		p.begin()
	}
	if most := p.Most() * lane.Datagram / site.Payload; most < p.Link.Down/8 {
		p.with.Limit(most)
	} else {
		p.with.Limit(p.Link.Down) // eight times as much as it can have
	}
	before := p.with.Arrived()
	p.with.Run(to - p.began)
	p.alone.Run(to - p.began)
	h, _ := p.fleet.Hour(p.Class, p.Now())
	s := site.Supply{Busy: p.Loads[h.Week]}
	s.Rate = float64((p.with.Arrived()-before)*site.Payload) / (to - p.Now()).Seconds()
	for p.Now() < to && p.Wanting() {
		from := p.Now()
		p.Tally.Crossed(from, p.Advance(to, s))
	}
}

// begin makes the link.
func (p *player) begin() {
	p.lanes++
	c := lane.Config{Down: p.Link.Down, Up: p.Link.Up, RTT: p.Link.RTT, Buffer: p.Link.Buffer, AQM: p.Link.AQM, Loss: p.Link.Loss,
		Controller: p.fleet.Scenario.Controller, Seed: p.fleet.Traffic(p.Location, p.lanes)}
	if p.Link.Trace != nil {
		c.Schedule = schedule(p.Link.Trace, p.Now()-lane.WarmUp, c.RTT/2)
	}
	p.began = p.Now()
	f := p.fleet.Foreground(p.Location)
	p.with, _ = lane.New(c, f, p.began) // New of this package has asked for the controller
	c.Controller = ""
	p.alone, _ = lane.New(c, f, p.began)
}

// end ends the conversation.
func (p *player) end() {
	if p.with == nil {
		return
	}
	p.events += p.with.Events() + p.alone.Events()
	p.waits, p.others = append(p.waits, p.with.Waits()...), append(p.others, p.alone.Waits()...)
	p.with, p.alone = nil, nil
}

// schedule is a trace from a moment on, which may be before the scenario begins.
func schedule(t *plan.Trace, now, delay time.Duration) link.Schedule {
	n := len(t.Rates)
	s := link.Schedule{Period: time.Duration(n) * t.Step}
	now = (now%s.Period + s.Period) % s.Period
	first, into := int(now/t.Step), now%t.Step
	at := func(i int) float64 { return max(float64(t.Rates[(first+i)%n]), link.MinRate) }
	s.Steps = append(s.Steps, link.Step{Rate: at(0), Delay: delay})
	for i := 1; i <= n; i++ {
		if when := time.Duration(i)*t.Step - into; when < s.Period {
			s.Steps = append(s.Steps, link.Step{At: when, Rate: at(i), Delay: delay})
		}
	}
	return s
}

func p95(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(len(list)*95/100, len(list)-1)]
}
