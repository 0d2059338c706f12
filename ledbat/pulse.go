// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A pulse is two or three datagrams that ask how the path is while the flow is at its floor.
//
// The first two leave together, so nothing can come between them and their distance on arrival is the time that the bottleneck takes for
// one. The third leaves that time later: on an idle path it waits as long as the second, and longer when others'
// datagrams came between. A queue shows in the delay of the first.
type pulse struct {
	from, until time.Time // when the first and the last left
	count       int       // that left
	heard       int       // that arrived
	bytes       int       // of the last one
	sent        [3]time.Time
	delay       [3]time.Duration // of those that arrived; never: of those that did not
}

const (
	pulseRing = 64
	unheard   = time.Duration(1<<63 - 1)
)

// pulses keeps those that have not been looked at.
type pulses struct {
	ring  [pulseRing]pulse // the oldest is first, the newest is next-1
	first int
	next  int
	left  int // bytes of the newest that have not left
}

func (p *pulses) at(i int) *pulse { return &p.ring[i%pulseRing] }

// start begins a pulse of n datagrams.
func (p *pulses) start(n, mss int) {
	if p.next-p.first == pulseRing {
		p.first++
	}
	*p.at(p.next) = pulse{delay: [3]time.Duration{unheard, unheard, unheard}}
	p.next++
	p.left = n * mss
}

func (p *pulses) sent(now time.Time, bytes int) {
	if p.left == 0 {
		return
	}
	s := p.at(p.next - 1)
	if s.count == 0 {
		s.from = now
	}
	s.until = now
	if s.count < len(s.sent) {
		s.sent[s.count] = now
		s.count++
	}
	s.bytes = bytes
	p.left = max(0, p.left-bytes)
}

// arrived enters a datagram, if it was part of a pulse.
func (p *pulses) arrived(a Arrival) {
	for i := p.first; i < p.next; i++ {
		s := p.at(i)
		if s.count == 0 || a.Sent.Before(s.from) || a.Sent.After(s.until) {
			continue
		}
		for k := range s.count {
			if s.sent[k].Equal(a.Sent) && s.delay[k] == unheard {
				s.delay[k] = a.Delay
				s.heard++
				return
			}
		}
	}
}

// take returns the oldest pulse once all of it has arrived, or none of the rest can be expected any more.
func (p *pulses) take(now time.Time, patience time.Duration) (pulse, bool) {
	if p.first == p.next || p.first == p.next-1 && p.left > 0 {
		return pulse{}, false
	}
	s := p.at(p.first)
	if s.count == 0 || s.heard < s.count && now.Sub(s.until) < patience {
		return pulse{}, false
	}
	p.first++
	return *s, true
}

func (p *pulses) reset() { *p = pulses{} }

// gap is how long after the first the second arrived, if they left together; 0: not known.
func (s *pulse) gap(least time.Duration) time.Duration {
	if s.count < 2 || s.delay[0] == unheard || s.delay[1] == unheard || s.sent[1].Sub(s.sent[0]) > least {
		return 0
	}
	return s.sent[1].Sub(s.sent[0]) + s.delay[1] - s.delay[0]
}
