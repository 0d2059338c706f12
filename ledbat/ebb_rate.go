// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

func (e *ebb) Window() int {
	var w float64
	switch e.phase {
	case starting:
		w = e.flight + float64(e.start.train.left)
	case yielding:
		if e.pulses.left == 0 {
			return 0
		}
		w = e.flight + float64(e.pulses.left)
	default:
		// Twice the round trip, so that the pace, and not the window, decides; and feedback may come late.
		w = max(4*e.mss, 2*e.rate*(e.span()+20*time.Millisecond).Seconds())
	}
	return int(min(w, float64(e.cfg.MaxWindow)))
}

// Unlimited is what Rate would be without a limit.
func (e *ebb) Unlimited() float64 {
	switch e.phase {
	case starting, yielding:
		return e.mu
	case sharing:
		return e.rate
	case cruising:
		return e.eased(e.lift.of(e.now, e.rate, e.mu)) / (1 - e.lossy())
	}
	return e.rate / (1 - e.lossy())
}

func (e *ebb) Rate() float64 {
	if e.phase == starting || e.phase == yielding {
		return e.mu // a few datagrams at a time
	}
	rate := min(e.Unlimited(), e.limit)
	if e.phase == sharing && e.aside() {
		rate *= asideShare
	}
	return rate
}

// lossy is the share of datagrams that is sent in addition, because the line loses it. A little less than it is known to lose, because
// what is sent too much makes a queue.
func (e *ebb) lossy() float64 {
	if e.docket.judge.trial == convicted {
		return 0
	}
	return min(0.8*e.docket.judge.idle.rate(), mostLossy)
}

// floor is what is spent on pulses. Where a limit is what the flow may use, there are others of ours; but looking takes datagrams.
func (e *ebb) floor() float64 { return max(floorShare*min(e.mu, 2*e.limit), floorLeast) }

// limited says that the limit decides what is sent, and not the path.
func (e *ebb) limited() bool { return e.limit < e.share() }
