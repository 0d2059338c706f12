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

// wired is what a link would bring of ours until a moment.
type wired struct {
	rate  float64     // bits a second
	lacks site.Supply // what of its rate is missing
	cell  yield.Cell
	full  bool // the load of the foreground leaves nothing to speak of
	until time.Duration
}

// wire is what the link would bring of ours now.
func (p *place) wire() wired {
	down, end := p.down()
	load, hour := p.load()
	w := wired{cell: p.curve.At(load), until: min(end, hour)}
	busy := load
	if p.beside != nil {
		w.until = p.beside.at(p.Now(), w.until, down, load, &p.curve)
		if down > 0 {
			busy = min(p.beside.busy/down, 1)
		}
		if p.beside.more {
			w.cell.Use = 1 // of what we keep
		}
	}
	left := 1 - busy
	clean := max(p.clean.At(load).Use, w.cell.Use)
	w.lacks.Busy = busy + float64(left*(1-clean))
	w.lacks.Lossy = left * (clean - w.cell.Use)
	w.full = load+float64((1-load)*(1-clean)) >= nothing
	w.rate = float64(down * float64(left*w.cell.Use))
	return w
}

// demand is how many bits a second it would take now, were no link shared.
func (p *place) demand() float64 {
	if !p.Wanting() {
		return 0
	}
	return min(p.wire().rate, p.Most()*8/site.Efficiency)
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
		w := p.wire()
		rate, s, to := w.rate, w.lacks, min(w.until, until, now.Truncate(time.Hour)+time.Hour)
		switch {
		case began:
			p.ready = now + w.cell.Ramp
		case p.shut && !w.full:
			p.ready = now + w.cell.Return
		}
		p.shut = w.full
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
			p.Tally.Delayed(w.cell.Delay, (p.Now() - now).Seconds())
		}
	}
	return steps
}
