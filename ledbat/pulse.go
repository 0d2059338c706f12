// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A pulse is one to three datagrams that ask how the path is while the flow is at its floor.
//
// The first two leave together, so nothing can come between them and their distance on arrival is the time that the bottleneck takes for
// one. The third leaves that time later: on an idle path it waits as long as the second, and longer when others'
// datagrams came between. A queue shows in the delay of the first.
type pulse struct {
	from, until time.Time // when the first and the last left
	want        int       // how many are to leave
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

// start begins a pulse of n datagrams; the third has to be asked for.
func (p *pulses) start(n, mss int) {
	if p.next-p.first == pulseRing {
		p.first++
	}
	*p.at(p.next) = pulse{want: n, delay: [3]time.Duration{unheard, unheard, unheard}}
	p.next++
	p.left = min(n, 2) * mss
}

// third lets the third datagram of the newest pulse leave.
func (p *pulses) third(mss int) {
	if p.next > p.first {
		p.left += mss
	}
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
	if p.left -= bytes; p.left < bytes/2 {
		p.left = 0 // not enough for another
	}
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
				s.sent[k], s.delay[k] = a.Left(), a.Delay
				s.heard++
				return
			}
		}
	}
}

// take returns the oldest pulse once all of it has arrived, or none of the rest can be expected any more.
func (p *pulses) take(now time.Time, patience time.Duration) (pulse, bool) {
	for p.first < p.next-1 && p.at(p.first).count == 0 {
		p.first++ // nobody had anything to send
	}
	if p.first == p.next || p.first == p.next-1 && p.left > 0 {
		return pulse{}, false
	}
	s := p.at(p.first)
	if s.count == 0 || (s.count < s.want || s.heard < s.count) && now.Sub(s.until) < patience {
		return pulse{}, false
	}
	p.first++
	return *s, true
}

func (p *pulses) reset() { *p = pulses{} }

// low is the smallest delay of the first two. The second waits for the first; it counts because jitter may have hit that one.
func (s *pulse) low() time.Duration { return min(s.delay[0], s.delay[1]) }

// between is how long the third waited for datagrams of somebody else's that came after the second, given the time that the bottleneck
// takes for one.
func (s *pulse) between(step time.Duration) time.Duration {
	return s.delay[2] - s.delay[1] - max(0, step-s.sent[2].Sub(s.sent[1]))
}

// A slower notices that the bottleneck has become slower while the flow was at its floor. The two datagrams that leave together
// arrive as far apart as the bottleneck takes for one, whoever else is there; only behind a fair queue they do so
// when others take their turns. So it takes a long row of pairs that all say so.
type slower struct {
	since       time.Time // when the row began
	pairs       int
	least, most float64 // bytes a second
}

const (
	slowerFor   = 10 * time.Second
	slowerPairs = 20
)

// sample enters a pulse, and says what the capacity has become if it has.
func (s *slower) sample(now time.Time, p *pulse, gap time.Duration, mu float64) (float64, bool) {
	if gap == 0 {
		return 0, false
	}
	c := float64(p.bytes) / gap.Seconds()
	if c > 0.8*mu || s.pairs > 0 && (c > 1.25*s.least || c < s.most/1.25) {
		*s = slower{}
		return 0, false
	}
	if s.pairs == 0 {
		*s = slower{since: now, least: c, most: c}
	}
	s.pairs++
	s.least, s.most = min(s.least, c), max(s.most, c)
	if s.pairs < slowerPairs || now.Sub(s.since) < slowerFor {
		return 0, false
	}
	c = s.least
	*s = slower{}
	return c, true
}

// A faster notices at the floor that the capacity was found beside others, and is larger: the pairs arrive closer together than it lets them,
// and all equally, or behind a fair queue those of them that found nobody. Jitter makes no two alike, and hosts that gather what arrives let
// it appear to have come at once. A hop that is late, and then sends what it has, makes some alike, too; but the first of two cannot wait for the
// second without the second being later than the bottleneck would have it. So where it is not most pairs, only those count that are sooner.
type faster struct {
	gap          time.Duration // the smallest
	agree, pairs int           // that have about the same; that have been seen since the first of them
	sooner       int           // of those that agree
}

const (
	fasterAgree = 6
	fasterShare = 4 // one of so many pairs, at least
	gathered    = 10 * time.Microsecond
)

// sample enters a pulse, and says what the capacity is if it is larger than mu. The base is the delay of one that waits for nothing.
func (f *faster) sample(p *pulse, gap, base time.Duration, mu float64) (float64, bool) {
	if gap < gathered {
		return 0, false
	}
	f.pairs++
	switch {
	case f.gap == 0 || gap < f.gap*85/100 || fasterShare*f.agree < f.pairs-fasterAgree*fasterShare:
		*f = faster{gap: gap, agree: 1, pairs: 1}
	case gap < f.gap*115/100:
		f.agree++
	default:
		return 0, false
	}
	step := time.Duration(float64(p.bytes) / mu * float64(time.Second))
	if p.delay[1]-base < (gap+step)/2 {
		f.sooner++
	}
	most := f.agree >= fasterAgree && fasterShare*f.agree >= (fasterShare-1)*f.pairs
	some := f.sooner >= fasterAgree && fasterShare*f.sooner >= f.pairs
	c := perSecond(p.bytes, f.gap)
	return c, (most || some) && c > 1.1*mu
}

// gap is how long after the first the second arrived, if they left together; negative: not known.
func (s *pulse) gap(least time.Duration) time.Duration {
	if s.count < 2 || s.delay[0] == unheard || s.delay[1] == unheard || s.sent[1].Sub(s.sent[0]) > least {
		return -1
	}
	return s.sent[1].Sub(s.sent[0]) + s.delay[1] - s.delay[0]
}
