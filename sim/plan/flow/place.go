// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"time"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/site"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

// place is a location, and what its link brings.
type place struct {
	*site.Location
	fleet  *site.Fleet
	number int
	curve  yield.Curve // of its controller
	clean  yield.Curve // the same, if no datagram were lost
	rates  []float64   // of its trace, bits a second; nil: its rate does not change
	step   time.Duration
	cap    float64       // bits a second that shared links leave it
	beside *foreground   // nil: it is not fetching
	shut   bool          // the foreground left it nothing
	ready  time.Duration // when its controller has started, or come back
}

func newPlace(f *site.Fleet, t *yield.Table, number int, l *site.Location) *place {
	p := &place{Location: l, fleet: f, number: number, cap: infinite}
	path := yield.Path{Controller: f.Scenario.Controller, Rate: l.Link.Down, RTT: l.Link.RTT, Buffer: l.Link.Buffer, AQM: l.Link.AQM, Loss: l.Link.Loss}
	p.curve = t.Curve(path)
	p.clean = p.curve
	if path.Loss > 0 {
		path.Loss = 0
		p.clean = t.Curve(path)
	}
	if trace := l.Link.Trace; trace != nil {
		p.rates, p.step = coarse(trace)
	}
	return p
}

// shortestStep is the shortest time for which a rate of a trace is told apart.
const shortestStep = time.Minute

// coarse is a trace in steps of a minute at least.
func coarse(t *plan.Trace) (rates []float64, step time.Duration) {
	k := max(int(shortestStep/t.Step), 1)
	k = min(k, len(t.Rates))
	for len(t.Rates)%k != 0 { // the last step is as long as the others
		k++
		if k > len(t.Rates) {
			k = len(t.Rates)
		}
	}
	for i := 0; i < len(t.Rates); i += k {
		sum := 0.0
		for _, x := range t.Rates[i : i+k] {
			sum += float64(x)
		}
		rates = append(rates, sum/float64(k))
	}
	return rates, time.Duration(k) * t.Step
}

// down is the rate of the link now, and until when.
func (p *place) down() (rate float64, until time.Duration) {
	if p.rates == nil {
		return p.Link.Down, plan.Never
	}
	i := int(p.Now() / p.step)
	return p.rates[i%len(p.rates)], time.Duration(i+1) * p.step
}

// load is that of the foreground now, and until when.
func (p *place) load() (load float64, until time.Duration) {
	h, until := p.fleet.Hour(p.Class, p.Now())
	return p.Loads[h.Week], until
}

// wire is what the link would bring of ours now, in bits a second, and what of its rate is missing.
func (p *place) wire() (rate float64, s site.Supply, cell yield.Cell, until time.Duration) {
	down, end := p.down()
	load, hour := p.load()
	until = min(end, hour)
	cell = p.curve.At(load)
	s.Busy = load
	if p.beside != nil {
		until = p.beside.at(p.Now(), until, down, load)
		if down > 0 {
			s.Busy = min(p.beside.busy/down, 1)
		}
	}
	left := 1 - s.Busy
	clean := max(p.clean.At(load).Use, cell.Use)
	s.Busy += float64(left * (1 - clean))
	s.Lossy = left * (clean - cell.Use)
	return float64(down * float64(left*cell.Use)), s, cell, until
}

// demand is how many bits a second it would take now, were no link shared.
func (p *place) demand() float64 {
	if !p.Wanting() {
		return 0
	}
	rate, _, _, _ := p.wire()
	return min(rate, p.Most()*8/site.Efficiency)
}

// nothing is the share of the link from which on others leave a controller nothing to speak of.
const nothing = .98

// pause is how long a controller may have nothing to send and still knows its path.
const pause = time.Second

// play plays it until a moment, and returns in how many steps.
func (p *place) play(until time.Duration) (steps uint64) {
	idle := time.Duration(0)
	for p.Now() < until && !p.Done() {
		steps++
		now := p.Now()
		if !p.Wanting() {
			p.Advance(until, site.Supply{})
			if idle += p.Now() - now; idle > pause {
				p.beside = nil
			}
			continue
		}
		idle = 0
		began := p.beside == nil
		if began {
			p.beside = newForeground(p.fleet.Foreground(p.Location), now)
		}
		rate, s, cell, to := p.wire()
		to = min(to, until, now.Truncate(time.Hour)+time.Hour)
		load, _ := p.load()
		full := load+float64((1-load)*(1-max(p.clean.At(load).Use, cell.Use))) >= nothing
		switch {
		case began:
			p.ready = now + cell.Ramp
		case p.shut && !full:
			p.ready = now + cell.Return
		}
		p.shut = full
		if now < p.ready {
			p.Advance(min(to, p.ready), s)
			continue
		}
		if rate > p.cap {
			down, _ := p.down()
			s.Upstream = (rate - p.cap) / down
			rate = p.cap
		}
		s.Rate = rate / 8 * site.Efficiency
		crossed := p.Advance(to, s)
		if crossed > 0 {
			p.Tally.Crossed(now, crossed)
			p.Tally.Delayed(cell.Delay, (p.Now() - now).Seconds())
		}
	}
	return steps
}
