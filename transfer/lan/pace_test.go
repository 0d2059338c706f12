// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"testing"
	"time"
)

// course feeds a pace with what a kernel would say every five milliseconds, at that rate in bytes a second.
type course struct {
	p   pace
	now time.Time
	k   path
}

func (c *course) run(d time.Duration, rate float64, rtt time.Duration) {
	const step = 5 * time.Millisecond
	for range d / step {
		now := rate
		if c.p.rate > 0 {
			now = min(rate, c.p.rate)
		}
		c.now = c.now.Add(step)
		n := uint64(now * step.Seconds())
		c.k.sent, c.k.acked, c.k.rtt = c.k.sent+n, c.k.acked+n, rtt
		if c.p.due(c.now) {
			c.p.sampled(c.now, c.k)
		}
	}
}

func newCourse() *course {
	return &course{now: time.Unix(1e9, 0), k: path{minRTT: 200 * time.Microsecond, mss: 1448}}
}

const gigabit = 117e6 // bytes a second

func TestAnEmptyLANCostsNothing(t *testing.T) {
	c := newCourse()
	c.run(time.Minute, gigabit, 300*time.Microsecond)
	if c.p.engaged || c.p.rate != 0 {
		t.Error(&c.p)
	}
	// Between small messages the receiver holds its acknowledgements back: no queue.
	c.run(time.Minute, 10e3, 40*time.Millisecond)
	if c.p.engaged {
		t.Error("small messages:", &c.p)
	}
}

func TestAQueueIsLeft(t *testing.T) {
	c := newCourse()
	c.run(time.Second, gigabit, 300*time.Microsecond)
	c.run(10*time.Second, gigabit, 12*time.Millisecond)
	if !c.p.engaged || c.p.rate > gigabit/5 || c.p.rate == 0 {
		t.Error("in a queue of 12 ms:", &c.p)
	}
	c.run(10*time.Second, gigabit, 300*time.Microsecond)
	if c.p.rate < gigabit {
		t.Error("10 s after the queue has gone:", &c.p)
	}
}

func TestALossHalves(t *testing.T) {
	c := newCourse()
	c.run(time.Second, gigabit, 300*time.Microsecond)
	c.k.resent += 3000
	c.run(20*time.Millisecond, gigabit, 300*time.Microsecond)
	if !c.p.engaged {
		t.Error(&c.p)
	}
}
