// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

const (
	pulseEvery  = 100 * time.Millisecond // at the most often, while others are there
	lookEvery   = 30 * time.Millisecond  // while it looks as if they had left
	lookFor     = 360 * time.Millisecond // so long it must look so,
	lookRTTs    = 1.5                    // and so many round trips, because others send in bursts of a round trip
	leastLooks  = 4
	mostLooks   = 12
	betweenCost = 4 // looks that a datagram of somebody else's between ours costs

	holdLeast = 100 * time.Millisecond
	holdLong  = 4 * time.Second // where a queue shows too late, and losses are what tells
	holdMost  = 8 * time.Second
	lastWords = 16 * time.Second
)

// yield is the state of a flow that has left the link to others, and looks for their leaving.
type yield struct {
	pulses     pulses
	pulseAt    time.Time
	thirdAt    time.Time // when the third datagram of a pulse is to leave; zero: there is none
	looks      float64   // pulses that found nobody, less what others' datagrams cost
	mayReturn  time.Time
	holdOff    time.Duration // grows with every return that others did not like
	returned   time.Time
	lossyLeave bool // it was a loss or a mark that drove us away
	dice       uint64
	slower     slower
}

// leave goes to the floor.
func (e *ebb) leave(now time.Time) {
	y := &e.yield
	if now.Sub(y.returned) > relapse {
		y.holdOff = 0
	} else {
		y.holdOff = min(max(holdLeast, 2*y.holdOff), holdMost)
	}
	if y.lossyLeave {
		y.holdOff = min(max(holdLong, 2*y.holdOff), lastWords)
	}
	y.lossyLeave = false
	y.mayReturn = now.Add(y.holdOff)
	y.looks = 0
	y.pulses.reset()
	y.thirdAt = time.Time{}
	y.pulseAt = now.Add(2 * e.span())
	y.slower = slower{}
}

// pulse sends the next pulse, and finds the time of the one after it.
func (e *ebb) pulse(now time.Time) {
	y := &e.yield
	n, wait := 2, max(pulseEvery, time.Duration(2*e.mss/e.floor()*float64(time.Second)))
	if y.looks > 0 {
		n, wait = 3, e.lookEvery()
	}
	y.pulses.start(n, e.cfg.MSS)
	if n == 3 {
		y.thirdAt = now.Add(e.per(1))
	}
	// At random, so that it does not fall into the same gap of a window again and again.
	y.dice = y.dice*6364136223846793005 + 1442695040888963407
	y.pulseAt = now.Add(wait*3/4 + time.Duration(float64(wait)/2*float64(y.dice>>40)/(1<<24)))
}

// lookEvery is the distance of pulses while nobody seems to be there. They take no more than a quarter of the link.
func (e *ebb) lookEvery() time.Duration {
	return max(lookEvery, time.Duration(lookRTTs*float64(e.span()))/mostLooks, e.per(12))
}

// looksWanted is how many pulses must have found nobody.
func (e *ebb) looksWanted() float64 {
	return min(max(leastLooks, float64(lookFor)/float64(e.lookEvery())), mostLooks)
}

// pulsed looks at a pulse that has arrived.
func (e *ebb) pulsed(now time.Time, p *pulse) {
	y := &e.yield
	t, first, step := e.watch.threshold, &e.watch.filters[0], e.per(1)
	if p.heard < p.count {
		if e.lossy() < 0.002 {
			y.looks = 0
		}
		return
	}
	q := p.low() - e.delay.Base() - first.offset()
	e.watch.queue = q
	if mu, ok := y.slower.sample(now, p, e.mu); ok {
		e.mu = mu
	}
	switch {
	case q > max(t/2, 3*e.watch.spread): // few datagrams, each with its own jitter
		y.looks = 0
		return
	case now.Before(y.mayReturn):
		return
	case p.count == 3 && first.noise < step/2 && p.between(step) > step/2:
		// Somebody's datagram came between the second and the third.
		if y.holdOff > 0 {
			y.looks = 0
			return
		}
		y.looks = max(0, y.looks-betweenCost)
	default:
		y.looks++
	}
	if y.looks >= e.looksWanted() {
		e.enter(now, returning)
		e.rate = 0.5 * e.mu
	} else if y.looks == 1 {
		y.pulseAt = now
	}
}

func (y *yield) String() string { return fmt.Sprintf("%.0f looks, hold-off %v", y.looks, y.holdOff) }
