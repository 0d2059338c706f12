// SPDX-License-Identifier: Apache-2.0

package cache

import "time"

// leap is the most time that one step of a Clock counts: the process was not running, the machine slept, or the clock
// was set. What it was cannot be told.
const leap = 24 * time.Hour

// Clock counts the time lived, by which ages are told. It only goes forward.
type Clock struct {
	lived time.Duration
	seen  time.Time // when it was last advanced; zero: not yet
}

// Restored is a clock that stood at lived when it was last seen.
func Restored(lived time.Duration, seen time.Time) Clock {
	return Clock{lived: max(lived, 0), seen: seen}
}

// Advance lets time pass: none when the calendar went back, at most a day when it leapt ahead.
func (c *Clock) Advance(now time.Time) {
	if !c.seen.IsZero() {
		c.lived += min(max(now.Sub(c.seen), 0), leap)
	}
	c.seen = now
}

// Lived is the time counted so far.
func (c *Clock) Lived() time.Duration { return c.lived }
