// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// Pauser is a Controller that wants to know of pauses: times in which its flow sends nothing although it has data, because it was
// told to (ledbat/harm). Without knowing, a controller takes the flow for one with little to send, and lets its window shrink.
// A pause lasts less than three seconds, and what was learned of the path before it still holds after it: "the nonvalidated
// phase" of RFC 7661, section 4.3.
type Pauser interface {
	// Paused reports that nothing is sent from now on. What is in flight may still be acknowledged or lost.
	Paused(now time.Time)
	// Resumed reports that the flow goes on.
	Resumed(now time.Time)
}

// Paused remembers what the flow has used of its window.
func (r *rfc6817) Paused(time.Time) { r.usedUp = r.peaked.max() }

// Resumed takes the round trip before the pause for the last one: in that, the window was used.
func (r *rfc6817) Resumed(now time.Time) {
	r.used = now
	r.peaked = peak{begun: now, now: max(r.flight, r.usedUp), past: r.usedUp}
}

// Paused ends a trial of the capacity that was under way.
func (e *ebb) Paused(now time.Time) { e.lift.stop(now) }

// Resumed does not take the pause for one in which nobody looked at the path: it was looked at all the time.
func (e *ebb) Resumed(now time.Time) { e.used, e.grown = now, now }
