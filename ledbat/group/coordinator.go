// SPDX-License-Identifier: Apache-2.0

package group

import (
	"fmt"
	"slices"
	"time"
)

// A part that grows by less than this share of the budget waits for the next beat.
const worthTelling = 1.0 / 1000

// A coordinator is the side of a Node that divides the budget.
type coordinator struct {
	acting  bool
	seq     uint64 // of the last beat
	beatAt  time.Time
	beats   [4]time.Time // when the last ones were sent, by seq modulo 4
	number  uint64       // of the last grant
	opensAt time.Time    // when grants may begin; zero: the majority has never answered
	tenants []tenant     // in order of their names
}

// A tenant is what a coordinator knows of a host that has answered it.
type tenant struct {
	host     Host
	wants    float64
	weight   int
	target   float64   // what it should have
	seq      uint64    // the newest beat that it answered
	answered time.Time // when that beat was sent
	offers   [8]offer  // grants that it may be using, the oldest first
	offered  int
	bound    bool // it has taken one of them; if not, it may be using its floor
}

// An offer is a grant that may be in use.
type offer struct {
	number uint64
	rate   float64
	until  time.Time
}

// forget drops those that are no longer known.
func (c *coordinator) forget(known []Host) {
	c.tenants = slices.DeleteFunc(c.tenants, func(t tenant) bool {
		_, found := slices.BinarySearch(known, t.host)
		return !found
	})
}

// beat tells every host that the coordinator is there.
func (c *coordinator) beat(n *Node, now time.Time) {
	c.seq++
	c.beats[c.seq%uint64(len(c.beats))] = now
	c.beatAt = now.Add(Beat)
	if now.Before(c.opensAt) {
		c.beatAt = sooner(c.beatAt, c.opensAt) // nobody waits longer than needed
	}
	for _, h := range n.known {
		n.send(now, Message{Kind: Beating, To: h, Epoch: n.epoch, Seq: c.seq})
	}
}

// deliver takes in an answer, or that a grant was taken.
func (c *coordinator) deliver(n *Node, m Message) {
	now := n.now
	// The age of a beat bounds the age of its answer: an old one says nothing about the present.
	if m.Seq > c.seq || m.Seq+uint64(len(c.beats)) <= c.seq || now.Sub(c.beats[m.Seq%uint64(len(c.beats))]) > fresh {
		return
	}
	t := c.tenant(m.From)
	t.took(m.Number)
	if m.Kind == Asking && m.Seq > t.seq {
		t.seq, t.answered = m.Seq, c.beats[m.Seq%uint64(len(c.beats))]
		t.wants, t.weight = clampRate(m.Rate, n.budget), clampWeight(m.Weight)
	} else if m.Kind == Asking {
		return // a copy
	}
	c.expire(now)
	if !c.supported(n, now) {
		return
	}
	c.divide(n)
	if m.Kind == Asking {
		c.grant(n, now, t)
		return
	}
	// What one no longer uses is room for those who have less than they should, and have taken what they were offered before.
	for i := range c.tenants {
		t := &c.tenants[i]
		if t.bound && t.offered == 1 && now.Sub(t.answered) <= fresh && c.part(n, t) > t.newest()+float64(n.budget*worthTelling) {
			c.grant(n, now, t)
		}
	}
}

func (c *coordinator) tenant(h Host) *tenant {
	i, found := slices.BinarySearchFunc(c.tenants, h, func(t tenant, h Host) int {
		switch {
		case t.host < h:
			return -1
		case t.host > h:
			return 1
		}
		return 0
	})
	if !found {
		c.tenants = slices.Insert(c.tenants, i, tenant{host: h, weight: 1})
	}
	return &c.tenants[i]
}

// supported says whether grants may be made: a majority of the known hosts has just answered, and what coordinators before have granted
// has run out.
func (c *coordinator) supported(n *Node, now time.Time) bool {
	support := 0
	for i := range c.tenants {
		if t := &c.tenants[i]; t.seq > 0 && now.Sub(t.answered) <= fresh {
			support++
		}
	}
	if 2*support <= len(n.known) {
		return false
	}
	if c.opensAt.IsZero() {
		c.opensAt = now.Add(takeover)
		c.beatAt = sooner(c.beatAt, c.opensAt)
	}
	return !now.Before(c.opensAt)
}

// took drops the offers before a grant that the host says it uses.
func (t *tenant) took(number uint64) {
	drop := 0
	for drop < t.offered && t.offers[drop].number < number {
		drop++
	}
	if drop < t.offered && t.offers[drop].number == number { // else it was never granted, or has run out
		t.drop(drop)
		t.bound = true
	}
}

func (t *tenant) drop(n int) {
	copy(t.offers[:], t.offers[n:t.offered])
	t.offered -= n
}

// newest is the rate of the newest offer.
func (t *tenant) newest() float64 {
	if t.offered == 0 {
		return 0
	}
	return t.offers[t.offered-1].rate
}

// expire drops the offers that have run out. Where it was the one in use, the host is bound no more.
func (c *coordinator) expire(now time.Time) {
	for i := range c.tenants {
		t := &c.tenants[i]
		drop := 0
		for drop < t.offered && !now.Before(t.offers[drop].until) {
			drop++
		}
		if drop > 0 {
			t.drop(drop)
			t.bound = false
		}
	}
}

// committed is what a host may be using, or may begin to use by itself: the largest offer, and its floor if it is not bound.
func (t *tenant) committed(floor float64) float64 {
	most := 0.0
	if !t.bound {
		most = floor
	}
	for _, o := range t.offers[:t.offered] {
		most = max(most, o.rate)
	}
	return most
}

// divide sets the targets: max-min fair by weight, of what is left when each host that is not bound has its floor.
func (c *coordinator) divide(n *Node) {
	left := n.budget - float64(float64(len(n.known)-len(c.tenants))*n.floor())
	weights := 0
	for i := range c.tenants {
		t := &c.tenants[i]
		t.target = -1
		if !t.bound { // first it has to say that it is
			t.target = min(t.wants, n.floor())
			left -= n.floor()
			continue
		}
		weights += t.weight
	}
	// Whoever wants no more than its equal part gets what it wants; that leaves larger parts. So until nobody is served any more.
	for served := true; served; {
		served = false
		for i := range c.tenants {
			t := &c.tenants[i]
			if t.target < 0 && t.wants <= max(0, left)*float64(t.weight)/float64(weights) {
				t.target = t.wants
				left -= t.wants
				weights -= t.weight
				served = true
			}
		}
	}
	for i := range c.tenants {
		if t := &c.tenants[i]; t.target < 0 {
			t.target = max(0, left) * float64(t.weight) / float64(weights)
		}
	}
}

// part is the target of a host, or as much of it as is free by now.
func (c *coordinator) part(n *Node, t *tenant) float64 {
	if !t.bound {
		return t.target
	}
	free := n.budget - float64(float64(len(n.known)-len(c.tenants))*n.floor())
	for i := range c.tenants {
		free -= c.tenants[i].committed(n.floor())
	}
	return min(t.target, t.newest()+max(0, free))
}

func (c *coordinator) grant(n *Node, now time.Time, t *tenant) {
	if t.offered == len(t.offers) {
		return // it has not said that it took so many: first let the oldest run out
	}
	rate := c.part(n, t)
	c.number++
	t.offers[t.offered] = offer{number: c.number, rate: rate, until: now.Add(TTL + margin)}
	t.offered++
	n.send(now, Message{Kind: Granting, To: t.host, Epoch: n.epoch, Seq: t.seq, Number: c.number, Rate: rate, For: TTL})
}

func (c *coordinator) String() string {
	granted := 0.0
	for i := range c.tenants {
		granted += c.tenants[i].newest()
	}
	return fmt.Sprintf("beat %d, %d hosts answer, %.0f B/s granted", c.seq, len(c.tenants), granted)
}
