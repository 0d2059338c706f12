// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"time"
)

// A Schedule changes a link at given times. What SetRate and SetDelay set holds until the
// next step.
type Schedule struct {
	Steps []Step // in order of time
	// Period is when the steps begin anew, counted from the start of the link: they happen at
	// At, At + Period, At + 2 Period and so on. 0: once.
	Period time.Duration
}

// A Step is what the link is like from a time on. Both values are set, and mean what they
// mean in a Config.
type Step struct {
	At    time.Duration
	Rate  float64
	Delay time.Duration
}

// calendar is a schedule and the place in it.
type calendar struct {
	steps  []Step
	period int64
	next   int64 // when the next step is due; MaxInt64: never
	index  int   // of the next step
	base   int64 // start of its period
}

func newCalendar(s Schedule) calendar {
	c := calendar{steps: s.Steps, period: int64(s.Period), next: math.MaxInt64}
	if len(c.steps) > 0 {
		c.next = int64(c.steps[0].At)
	}
	return c
}

// turn answers the step that is due and goes on to the one after it.
func (c *calendar) turn() Step {
	s := c.steps[c.index]
	c.index++
	switch {
	case c.index < len(c.steps):
	case c.period == 0:
		c.next = math.MaxInt64
		return s
	default:
		c.index, c.base = 0, c.base+c.period
	}
	c.next = c.base + int64(c.steps[c.index].At)
	return s
}
