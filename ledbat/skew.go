// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"slices"
	"time"
)

const (
	skewSlots = 16
	maxSkew   = 500e-6 // "capped at 500 ppm": no clock that a computer ships with drifts more
)

// A skew tells how much faster the receiver's clock runs than ours.
//
// A drift between the clocks lets the smallest delay forward grow, and the smallest delay back shrink by as much; a queue, or another
// route, does not. So it takes the slopes of both and believes the part on which they agree with opposite signs.
//
// The minima are kept in slots of a second; when all are filled, two become one, so that the base of the slopes grows to minutes and
// their error falls below one part in a million.
type skew struct {
	forward, back [skewSlots]slotMinimum
	used          int
	length        time.Duration // of a slot
	from          time.Time     // when the newest began
	slope         float64       // of the forward delay, as believed: seconds a second
	since         time.Time     // corrected is 0 then
	before        time.Duration // what had been corrected when the slope last changed
	scratch       [skewSlots * (skewSlots - 1) / 2]float64
}

// slotMinimum is a smallest delay and when it was seen.
type slotMinimum struct {
	at    time.Time
	delay time.Duration
}

func (m *slotMinimum) take(at time.Time, delay time.Duration) {
	if m.at.IsZero() || delay < m.delay {
		*m = slotMinimum{at, delay}
	}
}

// sample enters a raw delay forward and one back. It returns by how much the slope has changed, if it has.
func (s *skew) sample(now time.Time, forward, back time.Duration) (changed float64) {
	if s.used == 0 {
		s.length, s.from, s.used = time.Second, now, 1
	}
	if now.Sub(s.from) >= s.length {
		changed = s.fit(now)
		if s.used == skewSlots {
			s.halve()
		}
		s.from = now
		s.forward[s.used], s.back[s.used] = slotMinimum{}, slotMinimum{}
		s.used++
	}
	s.forward[s.used-1].take(now, forward)
	s.back[s.used-1].take(now, back)
	return changed
}

// stepped forgets the minima, which another clock measured, and keeps the slope.
func (s *skew) stepped() { s.used = 0 }

// halve makes one slot of every two.
func (s *skew) halve() {
	for i := range skewSlots / 2 {
		for _, m := range []*[skewSlots]slotMinimum{&s.forward, &s.back} {
			a, b := m[2*i], m[2*i+1]
			if b.delay < a.delay {
				a = b
			}
			m[i] = a
		}
	}
	s.used = skewSlots / 2
	s.length *= 2
}

// fit finds the slope anew.
func (s *skew) fit(now time.Time) (changed float64) {
	if s.used < 2 {
		return 0
	}
	f, b := s.median(&s.forward), s.median(&s.back)
	slope := 0.0
	switch {
	case f > 0 && b < 0:
		slope = min(f, -b, maxSkew)
	case f < 0 && b > 0:
		slope = max(f, -b, -maxSkew)
	}
	s.before += time.Duration(s.slope * float64(now.Sub(s.since)))
	s.since = now
	changed = slope - s.slope
	s.slope = slope
	return changed
}

// median is the median of the slopes between all pairs of slots (Theil and Sen), which a few slots with a queue do not move.
func (s *skew) median(m *[skewSlots]slotMinimum) float64 {
	n := 0
	for i := range s.used {
		for j := range i {
			s.scratch[n] = float64(m[i].delay-m[j].delay) / float64(max(m[i].at.Sub(m[j].at), 1))
			n++
		}
	}
	slices.Sort(s.scratch[:n])
	return s.scratch[n/2]
}

// corrected is how much of a raw forward delay is drift. Only differences mean something.
func (s *skew) corrected(now time.Time) time.Duration {
	if s.slope == 0 && s.before == 0 {
		return 0
	}
	return s.before + time.Duration(s.slope*float64(now.Sub(s.since)))
}

// String is the state in one line.
func (s *skew) String() string { return fmt.Sprintf("skew %.1f ppm", s.slope*1e6) }
