// SPDX-License-Identifier: Apache-2.0

package group

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// inferredValid is how long an inference is trusted that nobody else attests.
const inferredValid = time.Minute

// A scale tells what queue one member's delays show. Every remote host has a clock of its own, so the delays of two members
// cannot be compared; what exceeds each one's own base can.
//
// A newcomer to a standing queue has never seen its base, and would take the queue for it. So its base is inferred: it lies below
// the smallest delay seen by as much as the others, who know theirs, see in the queue at that moment. The inference goes on with
// every sample, smoothed, until the member has measured the base itself. What a member's round trip has more than the shortest bounds it
// each time: a first round trip that a busy host was late with would otherwise be a queue that never drains.
type scale struct {
	own   ledbat.Estimator
	seen  bool          // own has a sample
	lead  time.Duration // how far the inferred base lies below the smallest delay seen; 0: that is the base
	since time.Time     // when the inference was last fed
}

// infer says, before the first sample, that it will contain a queue of that much.
func (s *scale) infer(now time.Time, queue time.Duration) { s.lead, s.since = max(0, queue), now }

// sample enters a delay and answers the queue that it shows. known is the queue that others see now; below 0: nobody does. An inferred
// base shows no more queue than excess, which is what the round trip has more than the shortest of the group.
func (s *scale) sample(now time.Time, delay, rtt, known, excess time.Duration) time.Duration {
	before := s.own.Base()
	s.own.Sample(now, delay, rtt)
	above := s.own.Fresh(0) // the newest sample; while a step of a clock is suspected, the one before
	if s.lead == 0 {
		s.seen = true
		return above
	}
	if fell := before - s.own.Base(); s.seen && fell > 0 {
		s.lead -= fell
	}
	s.seen = true
	if known >= 0 {
		s.lead += (known - above - s.lead) / 8
		s.since = now
	}
	s.lead = min(s.lead, excess-above)
	if s.lead < 0 || now.Sub(s.since) >= inferredValid {
		s.lead = 0
	}
	return above + s.lead
}

// measured says whether the base is the member's own.
func (s *scale) measured() bool { return s.seen && s.lead == 0 }

func (s *scale) base() time.Duration { return s.own.Base() - s.lead }

func (s *scale) String() string {
	if s.lead > 0 {
		return fmt.Sprintf("base %v, inferred", s.base().Round(time.Microsecond))
	}
	return fmt.Sprintf("base %v", s.base().Round(time.Microsecond))
}
