// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A survey finds out at the floor whether it is the path that has changed, and not somebody who has come: a route that is longer, a
// bottleneck that is slower.
//
// A queue that stands is fed with as much as leaves it. What feeds it comes between the datagrams of a pulse, or in bursts, and then the delay goes up and
// down by a burst. So pulses whose delay stays the same, whose two datagrams always arrive as far apart, and whose third never finds
// anybody before it, have crossed a path without others, however long it is.
type survey struct {
	pulses    int       // in a row that agree
	looks     int       // those of them with a third datagram
	since     time.Time // when the row began
	low, high time.Duration
	gap       time.Duration // mean,
	near, far time.Duration // smallest and largest
}

const (
	surveyLooks  = 10
	surveyFor    = 400 * time.Millisecond
	surveyDiffer = 0.15 // of the mean, by how much gaps may
)

// sample enters a pulse whose first two arrived that far apart, and says whether the row is long enough. Delays within close are the same.
func (s *survey) sample(now time.Time, p *pulse, gap, close time.Duration) bool {
	low := p.low()
	differ := max(time.Duration(surveyDiffer*float64(s.gap)), close/4)
	if s.pulses > 0 && (max(s.high, low)-min(s.low, low) > close || (gap-s.gap).Abs() > differ) {
		*s = survey{}
	}
	if p.count == 3 && p.between(gap) > max(gap/2, close/2) || gap <= 0 {
		*s = survey{}
		return false
	}
	if s.pulses == 0 {
		*s = survey{since: now, low: low, high: low, near: gap, far: gap}
	}
	s.pulses++
	if p.count == 3 {
		s.looks++
	}
	s.low, s.high = min(s.low, low), max(s.high, low)
	s.near, s.far = min(s.near, gap), max(s.far, gap)
	s.gap += (gap - s.gap) / time.Duration(s.pulses)
	return s.looks >= surveyLooks && now.Sub(s.since) >= surveyFor
}

// tells says that the gaps are alike enough to be what the bottleneck takes. On a path with jitter, or to hosts that are late, their mean is
// nothing but that.
func (s *survey) tells() bool {
	return s.pulses >= leastLooks && float64(s.far-s.near) <= 2*surveyDiffer*float64(s.gap)
}

// promising says that it is worth while to look closer.
func (s *survey) promising() bool { return s.pulses >= 2 }
