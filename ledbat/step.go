// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

const (
	stepFloor   = 10 * time.Millisecond  // smaller steps are left to the base history
	stepElapsed = 200 * time.Millisecond // how much a pause may excuse
	stepSamples = 4                      // samples that must agree before a step is believed
)

// A stepDetector tells a step of a clock from a queue.
//
// A queue moves the one-way delay and the round trip together; a step of either clock moves the delay alone. The two
// could only be confused if the queue on the way back emptied while the one on the way out filled, by the same amount.
// But a queue empties no faster than time passes: so a jump by more than the time since the last sample, which the
// round trip does not share, is taken for a step if the next samples agree.
//
// While it waits for them, samples are held: they must enter neither the base, which never forgets a minimum
// before ten minutes are over, nor the queue estimate.
type stepDetector struct {
	known    bool
	at       time.Time // of the last sample that was not held
	delay    time.Duration
	rtt      time.Duration
	suspects int // samples held
	lowDelay time.Duration
	lowRTT   time.Duration
}

// A verdict says what a sample is.
type verdict uint8

const (
	plain   verdict = iota // a delay like others
	held                   // perhaps the first after a step: wait
	stepped                // the first believed after a step
)

// watch looks at a sample, and says by how much the clocks stepped if they did.
func (s *stepDetector) watch(now time.Time, delay, rtt time.Duration) (time.Duration, verdict) {
	if rtt <= 0 {
		return 0, plain
	}
	if !s.known {
		s.settle(now, delay, rtt)
		return 0, plain
	}
	if s.suspects == 0 {
		if !s.jumped(delay-s.delay, rtt-s.rtt, now.Sub(s.at)) {
			s.settle(now, delay, rtt)
			return 0, plain
		}
		s.lowDelay, s.lowRTT = delay, rtt
	}
	s.suspects++
	s.lowDelay, s.lowRTT = min(s.lowDelay, delay), min(s.lowRTT, rtt)
	if s.suspects < stepSamples {
		return 0, held
	}
	// What the round trip shares of the jump is queue; the rest is the clocks'.
	moved, shared := s.lowDelay-s.delay, s.lowRTT-s.rtt
	believed := s.jumped(moved, shared, 0)
	s.settle(now, delay, rtt)
	if believed {
		return moved - shared, stepped
	}
	return 0, plain
}

func (s *stepDetector) jumped(moved, shared, elapsed time.Duration) bool {
	return moved.Abs() > stepFloor+min(elapsed, stepElapsed) && shared.Abs() < moved.Abs()/4
}

func (s *stepDetector) settle(now time.Time, delay, rtt time.Duration) {
	*s = stepDetector{known: true, at: now, delay: delay, rtt: rtt}
}

// String is empty but while a step is suspected.
func (s *stepDetector) String() string {
	if s.suspects == 0 {
		return ""
	}
	return fmt.Sprintf(", clock step of %v suspected (%d of %d)", (s.lowDelay - s.delay).Round(time.Microsecond), s.suspects, stepSamples)
}
