// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A stretch is what some datagrams that arrived one after the other tell.
type stretch struct {
	count    int
	bytes    int           // of all but the first, and of small ones among them: what filled the time from first to last
	small    int           // bytes of small ones since the last
	sent     time.Time     // when the first left
	sentFor  time.Duration // until the last left
	arrivals time.Duration // from the first arrival to the last
	first    time.Duration // one-way delay of the first
	low      time.Duration // smallest one-way delay, without what they waited for one another
	least    time.Duration // that of the first
	sum      time.Duration // of all but the first, less the first's
}

// add enters an arrival that has waited so long behind others of ours.
func (s *stretch) add(a Arrival, own time.Duration) {
	d := a.Delay - own
	if s.count == 0 {
		*s = stretch{count: 1, sent: a.Left(), first: a.Delay, low: d, least: d}
		return
	}
	s.count++
	s.bytes += a.Bytes + s.small
	s.small = 0
	if d := a.Left().Sub(s.sent); d >= s.sentFor { // one that was overtaken says nothing about when the last ones left
		s.sentFor, s.arrivals = d, d+a.Delay-s.first
	}
	s.low = min(s.low, d)
	s.sum += d - s.least
}

// beside enters a datagram that is too small for its delay to compare. It fills the link all the same.
func (s *stretch) beside(bytes int) {
	if s.count > 0 {
		s.small += bytes
	}
}

// late is by how much one of them is later than the smallest delay, on average.
func (s stretch) late() time.Duration { return s.least + s.sum/time.Duration(max(1, s.count)) - s.low }

// sending is the rate at which they left, in bytes a second; 0: not known.
func (s stretch) sending() float64 { return perSecond(s.bytes, s.sentFor) }

// arriving is the rate at which they arrived.
func (s stretch) arriving() float64 { return perSecond(s.bytes, s.arrivals) }

func perSecond(bytes int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(bytes) / d.Seconds()
}

// join is both stretches as one, a before b. The time between them counts as b's.
func join(a, b stretch) stretch {
	switch {
	case a.count == 0:
		return b
	case b.count == 0:
		return a
	}
	gap := b.sent.Sub(a.sent)
	return stretch{
		count: a.count + b.count, bytes: a.bytes + b.bytes + b.bytes/max(1, b.count-1), sent: a.sent, sentFor: gap + b.sentFor,
		arrivals: gap + b.first - a.first + b.arrivals, first: a.first,
		low: min(a.low, b.low), least: a.least, sum: a.sum + b.sum + time.Duration(b.count)*(b.least-a.least),
	}
}
