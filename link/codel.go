// SPDX-License-Identifier: Apache-2.0

package link

import "math"

// codel is the state of RFC 8289, section 5.3, with its names. Times are nanoseconds since
// the start of the link.
type codel struct {
	target, interval int64
	mtu              int64 // no more bytes than that behind a packet are no queue
	ecn              bool

	dropping   bool
	firstAbove int64 // when it will have been above the target for an interval; 0: it is below
	dropNext   int64
	count      int64 // drops since the dropping state began
	lastCount  int64 // count when it began
}

func newCoDel(c CoDel, mtu int) codel {
	c = c.filled()
	return codel{target: int64(c.Target), interval: int64(c.Interval), mtu: int64(orDefault(mtu, oneMTU)), ecn: c.ECN}
}

// managed is the queue that a codel manages.
type managed interface {
	// head tells how long the first packet has waited, and how many bytes wait behind
	// it; ok: there is one.
	head(now int64) (sojourn, behind int64, ok bool)
	// drop removes the first packet.
	drop(now int64)
	// mark sets CE on the first packet; false: it is not of an ECN-capable transport.
	mark() bool
}

// choose drops and marks until the first packet of the queue is the one to leave at now.
func (c *codel) choose(now int64, q managed) {
	ok := c.okToDrop(now, q)
	if c.dropping {
		c.goOn(now, q, ok)
		return
	}
	if !ok {
		return
	}
	if !c.ecn || !q.mark() {
		q.drop(now)
		c.okToDrop(now, q)
	}
	c.dropping = true
	// "If min went above TARGET close to when it last went below, assume that the drop
	// rate that controlled the queue on the last cycle is a good starting point to control
	// it now."
	delta := c.count - c.lastCount
	c.count = 1
	if delta > 1 && now-c.dropNext < 16*c.interval {
		c.count = delta
	}
	c.dropNext = c.law(now)
	c.lastCount = c.count
}

// goOn drops as often as it is time to, while dropping.
func (c *codel) goOn(now int64, q managed, ok bool) {
	c.dropping = ok
	for c.dropping && now >= c.dropNext {
		c.count++
		if c.ecn && q.mark() {
			c.dropNext = c.law(c.dropNext)
			return
		}
		q.drop(now)
		// Still above the target: the next drop has its time.
		if c.dropping = c.okToDrop(now, q); c.dropping {
			c.dropNext = c.law(c.dropNext)
		}
	}
}

// law is the control law: the next drop is an interval/sqrt(count) after t. Division and
// square root are exact to the last bit on every machine.
func (c *codel) law(t int64) int64 {
	return t + int64(float64(c.interval)/math.Sqrt(float64(c.count)))
}

// okToDrop is whether the first packet, and all before it for an interval, waited too long.
func (c *codel) okToDrop(now int64, q managed) bool {
	sojourn, behind, ok := q.head(now)
	switch {
	case !ok, sojourn < c.target, behind <= c.mtu:
		// "The goal here is to keep the output link utilization high by never allowing the
		// queue to get smaller than the amount that arrives in a typical interarrival time".
		c.firstAbove = 0
		return false
	case c.firstAbove == 0:
		c.firstAbove = now + c.interval
		return false
	}
	return now >= c.firstAbove
}

// oneMTU is the usual size of a large packet, in bytes.
const oneMTU = 1500
