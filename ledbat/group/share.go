// SPDX-License-Identifier: Apache-2.0

package group

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// A Share is one member of a Group: a ledbat.Controller for its shim, with two methods more, Waiting and Leave.
type Share struct {
	group  *Group
	number int

	unit   int       // bytes that it sends at a time, at least
	flight int       // bytes
	grant  int       // bytes that it may send, not yet sent
	until  time.Time // when that lapses
	busy   bool      // it wanted more than it got, lately
	waited time.Time // when it last did
	again  bool      // it said Waiting while it had a grant to use
	asks   bool      // its owner says Waiting, so nothing has to be presumed
	wants  int       // bytes; if it asks
	silent bool      // it timed out alone, and was not heard since
	lapses int       // grants in a row that it left unused
	barred time.Time // until when it is not believed that it waits
	paused bool

	waiting, granting, waking place // in the group's lines

	forward  scale
	shift    time.Duration // from the member's delays to those that the controller is told
	back     time.Duration // the first delay of a feedback
	backward bool          // it means something
	arrivals []ledbat.Arrival
}

var (
	_ ledbat.Controller = (*Share)(nil)
	_ ledbat.Waiter     = (*Share)(nil)
	_ ledbat.Pauser     = (*Share)(nil)
)

// Unit says how many bytes leave at a time, at least: a datagram, or all that one packet was cut into. At first it is the group's largest
// datagram. A grant has room for whole units.
func (s *Share) Unit(bytes int) {
	s.unit = max(1, bytes)
	s.group.pacer.Unit(s.unit)
}

// least is how many bytes a grant has room for, at least.
func (s *Share) least() int {
	if s.asks {
		return min(s.unit, s.wants)
	}
	return s.unit
}

// Waiting reports that there are bytes to send of which Window does not allow the next datagram. Once said, it is no longer presumed.
func (s *Share) Waiting(now time.Time, bytes int) {
	s.asks = true
	s.wants = max(1, bytes)
	s.group.catchUp(now) // as long as nobody waited, nobody saw to it
	s.group.wait(now, s)
	s.group.deal(now, false)
}

// Leave reports that the flow has ended. What it had in flight is out of the group's account.
func (s *Share) Leave(now time.Time) { s.group.left(now, s) }

// Number tells members apart: how many joined before.
func (s *Share) Number() int { return s.number }

// Sent reports that bytes left for the network.
func (s *Share) Sent(now time.Time, bytes int) {
	g := s.group
	if g.flight == 0 && !s.silent {
		g.quiet = now
	}
	g.pacer.SetRate(g.pace())
	s.lapses = 0
	paid := min(bytes, s.grant)
	g.pacer.Sent(now, bytes-paid)
	g.setGrant(s, s.grant-paid)
	if s.grant < s.unit {
		g.lapse(now, s) // too little for another: somebody else's
	}
	again := s.again && s.grant == 0
	// What goes to a host that is not heard of are probes, a few bytes. In a window of two datagrams they would take the place of one, and the
	// flow of all would look as if it did not use its window.
	if !s.silent {
		g.setFlight(s, s.flight+bytes)
	}
	g.ctl.Sent(now, bytes)
	if again {
		g.wait(now, s)
	}
	s.presume(now)
}

// presume takes a share that has used up its permission for one that has more to send, if its owner does not tell.
func (s *Share) presume(now time.Time) {
	g := s.group
	g.now = now
	if !s.asks && s.Window() < s.flight+s.unit {
		g.wait(now, s)
	}
	g.deal(now, false)
}

// Acked reports one feedback.
func (s *Share) Acked(now time.Time, a ledbat.Ack) {
	g := s.group
	g.setFlight(s, a.InFlight)
	g.quiet, s.silent = now, false
	a = s.scaled(now, a)
	a.InFlight = g.flight
	g.ctl.Acked(now, a)
	s.opened(now)
}

// scaled brings the delays of a feedback to the group's scale.
func (s *Share) scaled(now time.Time, a ledbat.Ack) ledbat.Ack {
	g := s.group
	if a.RTT > 0 {
		g.trips.Sample(now, min(a.RTT, longestTrip), 0)
	}
	if delay, ok := g.comparable(now, a); ok {
		a.OneWayDelay = delay
		s.shift = s.measure(now, a)
	} else if !s.forward.seen && g.based {
		s.shift = g.base - a.OneWayDelay
	}
	a.OneWayDelay += s.shift
	a.Scaled = true
	s.arrivals = s.arrivals[:0]
	for _, arrived := range a.Arrivals {
		arrived.Delay += s.shift
		s.arrivals = append(s.arrivals, arrived)
	}
	g.order.turn(now, g.trip())
	a.Arrivals = g.order.sort(now, s.arrivals, g.flight == s.flight)
	if a.Backward {
		// Without the offset, and with all of its changes: that they go against those of the other direction is what tells a drift of the clocks.
		if !s.backward {
			s.back, s.backward = a.Reverse, true
		}
		a.Reverse -= s.back
	}
	return a
}

// comparable is the smallest delay of the datagrams of a feedback that are about as large as those of data. Small ones are faster where
// one takes long, and would be a base that data never sees. Where the path has become narrow, packets go in parts.
func (g *Group) comparable(now time.Time, a ledbat.Ack) (delay time.Duration, ok bool) {
	least, mixed := ledbat.LargeShare*float64(g.mss), false
	if g.parts >= ledbat.ManyParts && now.Sub(g.fullAt) > ledbat.InParts {
		least = ledbat.PartShare * float64(g.mss)
	}
	for _, arrived := range a.Arrivals {
		switch bytes := float64(arrived.Bytes); {
		case bytes >= ledbat.LargeShare*float64(g.mss):
			g.fullAt, g.parts = now, 0
		case bytes >= ledbat.PartShare*float64(g.mss):
			g.parts++
		}
		if float64(arrived.Bytes) < least {
			mixed = true
			continue
		}
		if !ok || ledbat.Smaller(arrived.Delay, delay) == arrived.Delay {
			delay, ok = arrived.Delay, true
		}
	}
	if !mixed {
		return a.OneWayDelay, true
	}
	return delay, ok
}

// measure enters a delay, and says by how much the member's delays differ from what the group's controller is told.
func (s *Share) measure(now time.Time, a ledbat.Ack) time.Duration {
	g := s.group
	if !s.forward.seen {
		s.forward.infer(now, g.newcomer(now, a.RTT))
	}
	excess := longestTrip
	if a.RTT > 0 {
		excess = a.RTT - g.trips.Base()
	}
	queue := s.forward.sample(now, a.OneWayDelay, a.RTT, g.known(now), excess)
	if s.forward.measured() {
		g.queue, g.queueAt = queue, now
	}
	if !g.based {
		g.base, g.based = s.forward.base(), true
	}
	return g.base + queue - a.OneWayDelay
}

// Lost reports that a datagram of that many bytes, sent at sentAt, is given up for lost.
func (s *Share) Lost(now time.Time, bytes int, sentAt time.Time) {
	g := s.group
	g.setFlight(s, max(0, s.flight-bytes))
	g.ctl.Lost(now, bytes, sentAt)
	s.opened(now)
}

// opened deals the room that a report has made, and leaves the share that was reported of the part that it lacks.
func (s *Share) opened(now time.Time) {
	g := s.group
	g.opened = now
	if s.waiting.in == &g.sated {
		g.wait(now, s)
	}
	g.deal(now, false)
}

// TimedOut reports that the member heard nothing for CTO although bytes were in flight. It is the group's timeout only if
// nothing was heard of anybody for about as long: a remote host that went away says nothing about the path.
func (s *Share) TimedOut(now time.Time) {
	g := s.group
	g.drop(s)
	if s.silent = now.Sub(g.quiet) < g.ctl.CTO()*3/4; !s.silent {
		g.ctl.TimedOut(now)
		g.quiet = now // the others, who are about to find the same, tell nothing new
	}
	g.deal(now, true)
}

// Paused reports that the flow sends nothing from now on because it was told to. The controller takes the pause of one for the pause of all:
// whoever orders silence orders it for everything that goes the same way (ledbat/harm).
func (s *Share) Paused(now time.Time) {
	if s.paused {
		return
	}
	s.paused = true
	s.group.paused++
	if p, ok := s.group.ctl.(ledbat.Pauser); ok && s.group.paused == 1 {
		p.Paused(now)
	}
}

// Resumed reports that the flow goes on; the controller's pause ends with the last one's.
func (s *Share) Resumed(now time.Time) {
	if !s.paused {
		return
	}
	s.paused = false
	s.group.paused--
	if p, ok := s.group.ctl.(ledbat.Pauser); ok && s.group.paused == 0 {
		p.Resumed(now)
	}
}

// Advance lets time pass.
func (s *Share) Advance(now time.Time) { s.group.Advance(now) }

// Deadline is when Advance wants to be called; zero: never.
func (s *Share) Deadline() time.Time { return sooner(s.group.ctl.Deadline(), s.group.deadline()) }

// Window is what is in flight and what may be sent besides: the grant, and the room that there is, up to an equal part if others
// want it, too.
func (s *Share) Window() int {
	g := s.group
	free := g.room(g.now, s.unit)
	if g.contested(s) {
		if free = min(free, g.lacks(s)); free < s.unit || g.needy.size > 0 {
			free = 0
		}
	}
	return s.flight + s.grant + free
}

// Rate is the pace of the whole group, which the group keeps itself: no member may exceed it either.
func (s *Share) Rate() float64 { return s.group.pace() }

// CTO is how long to wait for an acknowledgement before TimedOut.
func (s *Share) CTO() time.Duration {
	cto := s.group.ctl.CTO()
	if s.silent {
		// "CTO = 2 * CTO" (RFC 6817, section 2.4.2), for this member alone; bounded, so that it is back soon.
		cto = max(cto, min(2*cto, mostSilence))
	}
	return cto
}

// QueueDelay is the group's.
func (s *Share) QueueDelay() time.Duration { return s.group.ctl.QueueDelay() }

// BaseDelay is the member's own one-way delay without queues; it contains the clocks' offset.
func (s *Share) BaseDelay() time.Duration { return s.forward.base() }

// String is the state in one line.
func (s *Share) String() string {
	state := ""
	if s.waiting.in != nil {
		state = ", waiting"
	}
	return fmt.Sprintf("member %d%s: in flight %d B, granted %d B, %v; %v", s.number, state, s.flight, s.grant, &s.forward, s.group)
}
