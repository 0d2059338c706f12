// SPDX-License-Identifier: Apache-2.0

package sim

import "time"

// A Clock is that of a host, as the world sees it.
type Clock struct {
	Offset time.Duration
	Skew   float64 // parts per million
	Steps  []ClockStep
}

// A ClockStep sets the clock by that much. It shows in the stamps only: no program's own time goes back.
type ClockStep struct {
	At, By time.Duration
}

// exact says whether it shows the world's time.
func (c *Clock) exact() bool { return c.Offset == 0 && c.Skew == 0 }

// shows is what the clock shows when the world has run for d, its steps left out.
func (c *Clock) shows(d time.Duration) time.Duration {
	t := d + c.Offset
	if c.Skew != 0 {
		t += time.Duration(float64(c.Skew*float64(d/time.Microsecond)) / 1000)
	}
	return t
}

// stepped is by how much the clock was set until the world has run for d.
func (c *Clock) stepped(d time.Duration) (by time.Duration) {
	for _, s := range c.Steps {
		if d >= s.At {
			by += s.By
		}
	}
	return by
}

// when is the time of the world, which has run for now, at which the clock will show t.
func (c *Clock) when(t, now time.Duration) time.Duration {
	left := t - c.shows(now)
	if left > 0 && c.Skew != 0 {
		// A nanosecond late, so that whoever waits for it does not find that it has not come.
		left = time.Duration(float64(left)/(1+c.Skew/1e6)) + 2
	}
	return now + max(0, left)
}
