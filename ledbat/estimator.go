// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

const (
	// "The size of the base_delays list, BASE_HISTORY, SHOULD be 10." (RFC 6817, section 2.5)
	baseHistory = 10
	// "Each minimum is measured over a period of a minute." (RFC 6817, section 2.4.2)
	basePeriod = time.Minute
	// "The sender SHOULD use at least 4 delay samples in each RTT" (RFC 6817, section 2.4.2). A sample here is the minimum
	// of one feedback, and a feedback comes at least every quarter of a round trip.
	currentFilter = 4

	// Send and arrival stamps travel as 32 bits of microseconds, so delays are known modulo this.
	stampWrap = (1 << 32) * time.Microsecond
)

// An Estimator tells from one-way delays how long datagrams wait in queues.
//
// A one-way delay is an arrival stamp of one clock minus a send stamp of another. It contains the clocks'
// offset, unknown and possibly negative, and it may jump by 2^32 microseconds when a stamp wraps; only differences
// mean something, and they are all that is used.
//
// The base delay, the delay of empty queues, is the minimum over ten slots of a minute each. What exceeds it is queue.
type Estimator struct {
	slots   [baseHistory]time.Duration // minima; the newest is slots[used-1]
	at      [baseHistory]time.Time     // when each was seen
	used    int
	rolled  time.Time // when the newest slot began
	sampled time.Time // when the last sample came

	current [currentFilter]sample // ring; the newest is current[head]
	filled  int
	head    int

	last  time.Duration // the last delay as unwrapped; the next one is unwrapped next to it
	noise time.Duration // mean difference of successive samples
	steps stepDetector
}

type sample struct {
	at    time.Time
	delay time.Duration
}

// Sample enters the delay of one feedback, the minimum of its datagrams, and the round trip measured with it (0: none).
// It returns by how much the clocks were found to have stepped with it; mostly 0.
func (e *Estimator) Sample(now time.Time, delay, rtt time.Duration) (step time.Duration) {
	// History survives idling, because a slot rolls only when a sample comes; but what is older than all ten
	// minutes together says nothing any more, and clocks have drifted since.
	if e.used > 0 && now.Sub(e.sampled) >= baseHistory*basePeriod {
		*e = Estimator{}
	}
	if e.used > 0 {
		delay = unwrap(e.last, delay)
	}
	e.last = delay
	switch shift, v := e.steps.watch(now, delay, rtt); v {
	case held:
		return 0
	case stepped:
		e.shift(shift)
		step = shift
	}
	e.sampled = now
	if e.filled > 0 {
		e.noise += ((delay - e.current[e.head].delay).Abs() - e.noise) / 16
	}
	e.updateBase(now, delay)
	e.updateCurrent(now, delay)
	return step
}

// unwrap moves delay by whole wraps to where it is nearest to last.
func unwrap(last, delay time.Duration) time.Duration {
	d := (delay - last) % stampWrap
	switch {
	case d >= stampWrap/2:
		d -= stampWrap
	case d < -stampWrap/2:
		d += stampWrap
	}
	return last + d
}

// Smaller is the smaller of two delays of one path, either of which may have wrapped: where both are near 2^31 microseconds,
// the smaller number is the larger delay.
func Smaller(a, b time.Duration) time.Duration {
	if unwrap(a, b) < a {
		return b
	}
	return a
}

// "Maintain BASE_HISTORY delay-minima. Each minimum is measured over a period of a minute." (RFC 6817, section 2.4.2)
func (e *Estimator) updateBase(now time.Time, delay time.Duration) {
	if e.used > 0 && now.Sub(e.rolled) < basePeriod {
		if delay < e.slots[e.used-1] {
			e.slots[e.used-1], e.at[e.used-1] = delay, now
		}
		return
	}
	e.rolled = now
	if e.used == baseHistory {
		copy(e.slots[:], e.slots[1:]) // "delete first item in base_delays list"
		copy(e.at[:], e.at[1:])
		e.used--
	}
	e.slots[e.used], e.at[e.used] = delay, now // "append delay to base_delays list"
	e.used++
}

// "Maintain a list of CURRENT_FILTER last delays observed." (RFC 6817, section 2.4.2)
func (e *Estimator) updateCurrent(now time.Time, delay time.Duration) {
	e.head = (e.head + 1) % currentFilter
	e.current[e.head] = sample{at: now, delay: delay}
	e.filled = min(e.filled+1, currentFilter)
}

// shift moves all that is known by d: the clocks' offset has changed by that much.
func (e *Estimator) shift(d time.Duration) {
	for i := range e.used {
		e.slots[i] += d
	}
	for i := range e.current {
		e.current[i].delay += d
	}
}

// reroute forgets the base: the path without queues now takes that long.
func (e *Estimator) reroute(now time.Time, base time.Duration) {
	e.slots[0], e.at[0], e.used, e.rolled = base, now, 1, now
}

// tilt corrects what is known for a drift of the clocks, in seconds a second, that has just been learnt.
func (e *Estimator) tilt(now time.Time, by float64) {
	for i := range e.used {
		e.slots[i] += time.Duration(by * float64(now.Sub(e.at[i])))
	}
}

// Base is the delay of empty queues, the clocks' offset included; 0 before the first sample.
func (e *Estimator) Base() time.Duration {
	if e.used == 0 {
		return 0
	}
	base := e.slots[0]
	for _, d := range e.slots[1:e.used] {
		base = min(base, d)
	}
	return base
}

// Queue is the queue delay now: the minimum of the last four samples not older than horizon, which is to be a
// round trip, above the base. The minimum, because jitter only ever adds; 0 before the first sample.
func (e *Estimator) Queue(horizon time.Duration) time.Duration {
	return e.queue(currentFilter, horizon)
}

// Fresh is like Queue with the last two samples only: it follows a queue that grows fast, and is noisier.
func (e *Estimator) Fresh(horizon time.Duration) time.Duration { return e.queue(2, horizon) }

// Noise is by how much successive samples differ, on average: what jitter does to Fresh.
func (e *Estimator) Noise() time.Duration { return e.noise }

func (e *Estimator) queue(samples int, horizon time.Duration) time.Duration {
	if e.filled == 0 {
		return 0
	}
	newest := e.current[e.head]
	low := newest.delay
	for i := 1; i < min(samples, e.filled); i++ {
		// "CURRENT_FILTER MUST be limited such that samples in the list are not older than an RTT in the past."
		// (RFC 6817, section 2.4.2)
		s := e.current[(e.head-i+currentFilter)%currentFilter]
		if newest.at.Sub(s.at) > horizon {
			break
		}
		low = min(low, s.delay)
	}
	return low - e.Base()
}

// String is the state in one line.
func (e *Estimator) String() string {
	return fmt.Sprintf("base %v of %d slots, queue %v%v", e.Base().Round(time.Microsecond), e.used,
		e.Queue(basePeriod).Round(time.Microsecond), &e.steps)
}
