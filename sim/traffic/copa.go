// SPDX-License-Identifier: Apache-2.0

package traffic

import "time"

// The constants of Copa ("Copa: Practical Delay-Based Congestion Control for the Internet", NSDI 2018, sections 2.1 and 2.2).
const (
	copaDelta     = 0.5
	copaMinWindow = 2
	copaMinRTT    = 10 * time.Second
	copaEmpty     = 0.1 // of the range of queue delays: below, the queue is nearly empty
	copaPatience  = 8   // rounds without an empty queue until somebody else must be filling it; the paper has 5, see choose
	copaStep      = 16  // the window changes by this part of it in a round at most, or by four packets
	copaRange     = 4   // rounds over which the longest round trip is looked for
	copaSteady    = 3   // rounds in one direction until the velocity doubles
)

// copa is Copa with two guards that the paper does not spell out: velocity falls to one as soon as the target is crossed, and is bounded.
// Without them what was doubled on the way to the target overshoots it so far on a long fat path that half of the link is lost. It is Copa with its mode that competes with buffer-filling traffic.
type copa struct {
	cwnd     float64
	inverse  float64 // 1/delta
	velocity float64
	started  bool // slow start is over
	up       bool // direction in the last round
	same     int  // rounds that it has been the same
	before   float64
	round    int64
	emptied  int64 // round in which the queue was nearly empty last
	reduced  bool  // something was lost in this round
	longest  [copaRange]time.Duration
	least    windowed // negative round trips
	recent   recent
	standing time.Duration
}

func (c *copa) restart(uint64) {
	items := c.recent.items
	*c = copa{cwnd: initialWindow, before: initialWindow, inverse: 1 / copaDelta, velocity: 1, recent: recent{items: items}}
}

func (c *copa) window() float64 { return c.cwnd }
func (c *copa) prr() bool       { return false }

// rate is twice the window in a standing round trip (section 2.1).
func (c *copa) rate() float64 {
	if c.standing == 0 {
		return 0
	}
	return 2 * c.cwnd / seconds(c.standing)
}

func (c *copa) acked(s *Sender, a *ack) {
	c.least.add(int64(a.now), int64(copaMinRTT), -float64(a.rtt))
	least := time.Duration(-c.least.largest())
	c.standing = c.recent.add(a.now, a.now-s.srtt/2, a.rtt)
	if a.round {
		c.turn()
	}
	c.longest[0] = max(c.longest[0], a.rtt)
	c.choose(c.standing-least, least)

	queue := seconds(max(c.standing-least, 0))
	// The target rate is 1/(delta queue), the rate is cwnd/standing: compared without a division by zero.
	grow := c.cwnd*queue <= c.inverse*seconds(c.standing)
	if !c.started {
		if grow {
			if s.blocked || s.wasBlocked {
				c.cwnd += float64(a.acked)
			}
			return
		}
		c.started = true
	}
	if grow != c.up && c.velocity > 1 { // past the target: what was right on the way there is too fast now
		c.up, c.same, c.velocity, c.before = grow, 0, 1, c.cwnd
	}
	step := c.velocity * c.inverse / c.cwnd * float64(a.acked)
	if grow {
		c.cwnd += step
	} else {
		c.cwnd = max(c.cwnd-step, copaMinWindow)
	}
}

// turn updates the velocity and delta once a round (section 2.1, step 3).
func (c *copa) turn() {
	c.round++
	copy(c.longest[1:], c.longest[:copaRange-1])
	c.longest[0] = 0
	if up := c.cwnd > c.before; up != c.up {
		c.up, c.same, c.velocity = up, 0, 1
	} else if c.same++; c.same >= copaSteady {
		c.velocity = min(2*c.velocity, max(c.cwnd/(copaStep*c.inverse), 2))
	}
	c.before = c.cwnd
	if c.round-c.emptied > copaPatience && !c.reduced {
		c.inverse++ // section 2.2: additive increase of 1/delta
	}
	c.reduced = false
}

// choose finds whether the queue is one that Copa alone would make: then it is nearly empty at least once in five rounds (section 2.2). That has
// no margin: where packets are acknowledged in pairs, the moment when Copa's own queue is empty may be missed by a packet. The mode chosen by
// such a mistake feeds itself until something is lost, and the smallest round trip is forgotten meanwhile: one flow alone then had 3 BDP of
// queue. So a queue of one own packet counts as empty, and patience is a little longer.
func (c *copa) choose(queue, least time.Duration) {
	longest := c.longest[0]
	for _, d := range c.longest[1:] {
		longest = max(longest, d)
	}
	empty := max(float64(copaEmpty*float64(longest-least)), float64(c.standing)/c.cwnd)
	if float64(queue) <= empty || !c.started {
		c.emptied = c.round
		c.inverse = 1 / copaDelta
	}
}

// congested halves 1/delta in the competitive mode; alone, Copa does not react to loss.
func (c *copa) congested(*Sender, time.Duration) {
	c.reduced = true
	if c.round-c.emptied > copaPatience {
		c.inverse = max(c.inverse/2, 1/copaDelta)
	}
}

func (c *copa) timedOut(*Sender, time.Duration) {
	c.cwnd, c.before, c.velocity, c.same = copaMinWindow, copaMinWindow, 1, 0
	c.started = false
}

func (c *copa) idled(*Sender, time.Duration, time.Duration) {}
